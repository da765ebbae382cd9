// Draws rules' thresholds and alerts' episodes into a chart that names where they come from, and lists them below it.
(() => {
    'use strict';

    // A threshold further up than this many times the chart's height stays outside: it would flatten the lines.
    const REACH = 3;
    const LISTED = 20;

    const fetched = new WeakMap();

    const fetchOne = async (url) => {
        const nothing = { thresholds: [], others: [], bands: [] };
        try {
            const answer = await fetch(url, { headers: { Accept: 'application/json' } });
            // Who may not see alerts has a chart without them.
            return answer.ok ? { ...nothing, ...(await answer.json()) } : nothing;
        } catch {
            return nothing;
        }
    };

    const overlaysOf = (chart) => {
        if (!fetched.has(chart)) {
            const urls = chart.dataset.overlays.split(' ').filter((url) => url.startsWith('/'));
            fetched.set(chart, Promise.all(urls.map(fetchOne)).then((all) => ({
                thresholds: all.flatMap((one) => one.thresholds),
                others: all.flatMap((one) => one.others),
                bands: all.flatMap((one) => one.bands),
            })));
        }
        return fetched.get(chart);
    };

    const clock = () => {
        const timeZone = document.querySelector('.page[data-zone]')?.dataset.zone ?? 'UTC';
        // The Swedes write times as plotly.js takes them.
        const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
        return (iso) => format.format(new Date(iso));
    };

    const shapesOf = (found, colour, at) => [
        ...found.bands.map((band) => ({
            type: 'rect', xref: 'x', yref: 'paper', x0: at(band.start), x1: at(band.end), y0: 0, y1: 1,
            fillcolor: colour(band.state), opacity: 0.15, line: { width: 0 }, layer: 'below',
        })),
        ...found.thresholds.map((limit) => ({
            type: 'line', xref: 'paper', yref: 'y', x0: 0, x1: 1, y0: limit.value, y1: limit.value,
            line: { color: colour(limit.state), width: 1.5, dash: 'dash' },
        })),
    ];

    const plain = (text) => String(text).slice(0, 60).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

    const textsOf = (found, colour, isLogarithmic) => found.thresholds.map((limit) => ({
        xref: 'paper', yref: 'y', x: 1, y: isLogarithmic && limit.value > 0 ? Math.log10(limit.value) : limit.value,
        text: plain(limit.label), showarrow: false, xanchor: 'right', yanchor: 'bottom',
        font: { color: colour(limit.state), size: 11 },
    }));

    // The axis is as high as its lines; thresholds a little above them belong into the picture, too.
    const reaching = (picture, thresholds) => {
        const [low, high] = picture.layout.yaxis.range;
        const within = thresholds.map((limit) => limit.value).filter((value) => value <= high * REACH && value > high);
        return within.length && high > 0 ? { 'yaxis.range': [low, Math.max(...within) * 1.08] } : {};
    };

    const itemOf = ({ label, url, state }, words) => {
        const item = document.createElement('li');
        const word = document.createElement('span');
        word.className = `state-word state-${state}`;
        word.textContent = state;
        const link = document.createElement(url?.startsWith('/') ? 'a' : 'span');
        if (link.tagName === 'A') {
            link.href = url;
            link.className = 'page-link';
        }
        link.textContent = label;
        item.append(word, ' ', link, ' ', words);
        return item;
    };

    const list = (chart, found, at) => {
        chart.querySelector('.chart-overlays')?.remove();
        const items = [
            ...found.thresholds.map((limit) => itemOf(limit, '(threshold)')),
            ...found.others.map((limit) => itemOf(limit, '(threshold of another aggregation, not drawn)')),
            ...found.bands.map((band) => itemOf(band, `${at(band.start)} to ${at(band.end)}`)),
        ];
        if (!items.length) {
            return;
        }
        const shown = document.createElement('ul');
        shown.className = 'chart-overlays';
        shown.setAttribute('aria-label', 'Rules and alerts in this chart');
        shown.append(...items.slice(0, LISTED));
        chart.append(shown);
    };

    document.addEventListener('chart:drawn', async (event) => {
        const chart = event.target.closest('figure.time-chart[data-overlays]');
        if (!chart) {
            return;
        }
        const { Plotly, layout, figure } = event.detail;
        const found = await overlaysOf(chart);
        const style = getComputedStyle(chart);
        const colour = (state) => style.getPropertyValue(`--state-${state}`).trim();
        const at = clock();
        const isLogarithmic = figure.layout.yaxis.type === 'log';
        await Plotly.relayout(event.target, {
            shapes: [...layout.shapes, ...shapesOf(found, colour, at)],
            annotations: [...layout.annotations, ...textsOf(found, colour, isLogarithmic)],
            ...(isLogarithmic ? {} : reaching(event.target, found.thresholds)),
        });
        list(chart, found, at);
        chart.dataset.overlaid = 'yes';
    });
})();
