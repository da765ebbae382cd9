// Draws rules' thresholds, alerts' episodes and deploys into a chart that names where they come from, and lists them
// below it. Labels of moments that lie close to each other are put one below the other.
(() => {
    'use strict';

    // A threshold further away than this many times the height of the lines is only named: as in reach.py.
    const FAR = 4;
    const LISTED = 20;
    // Pixels: charts lower than this have no room for words, and stand beside a larger one that has the list for all.
    const WORDY = 160;

    // Labels of moments: pixels of a letter on average and of a line, the longest text, and how many lines at most.
    const LETTER = 6.2;
    const LINE = 14;
    const LONGEST = 32;
    const LINES = 3;
    const NARROW = 500;
    // More moments than these are folded away below the chart.
    const FEW = 3;

    const NOTHING = { thresholds: [], others: [], bands: [], marks: [], is_cut: false };
    // The charts of a page ask for the same; those of a page that refreshes itself always for something new.
    const REMEMBERED = 40;
    const answers = new Map();

    const fetchOne = async (url) => {
        try {
            const answer = await fetch(url, { headers: { Accept: 'application/json' } });
            // Who may not see alerts has a chart without them.
            return answer.ok ? { ...NOTHING, ...(await answer.json()) } : NOTHING;
        } catch {
            return NOTHING;
        }
    };

    const fetchOnce = (url) => {
        if (answers.size > REMEMBERED) {
            answers.clear();
        }
        if (!answers.has(url)) {
            answers.set(url, fetchOne(url));
        }
        return answers.get(url);
    };

    const overlaysOf = async (chart) => {
        const urls = (chart.dataset.overlays ?? '').split(' ').filter((url) => url.startsWith('/'));
        const all = await Promise.all(urls.map(fetchOnce));
        return {
            thresholds: all.flatMap((one) => one.thresholds),
            others: all.flatMap((one) => one.others),
            bands: all.flatMap((one) => one.bands),
            marks: all.flatMap((one) => one.marks),
            isCut: all.some((one) => one.is_cut),
        };
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
        ...found.marks.map((mark) => ({
            type: 'line', xref: 'x', yref: 'paper', x0: at(mark.at), x1: at(mark.at), y0: 0, y1: 1,
            line: { color: colour('quiet'), width: 1, dash: 'dot' },
        })),
    ];

    const plain = (text, longest = 60) => String(text).slice(0, longest).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

    const textsOf = (found, colour, isLogarithmic) => found.thresholds.map((limit) => ({
        xref: 'paper', yref: 'y', x: 1, y: isLogarithmic && limit.value > 0 ? Math.log10(limit.value) : limit.value,
        text: plain(limit.label), showarrow: false, xanchor: 'right', yanchor: 'bottom',
        font: { color: colour(limit.state), size: 11 },
    }));

    const labelsOf = (marks, colour, at) => marks.map((mark) => ({
        name: 'mark', xref: 'x', yref: 'paper', x: at(mark.at), y: 1, text: plain(mark.label, LONGEST),
        showarrow: false, font: { color: colour('quiet'), size: 11 },
    }));

    const moment = (text) => Date.parse(`${text.replace(' ', 'T')}Z`);

    // Above the plot, each label in the first line where it covers no other; where there is none it is only in the list.
    const staggered = (labels, plot, range) => {
        const [first, last] = range.map(moment);
        const lines = Array.from({ length: plot.width < NARROW ? 1 : LINES }, () => []);
        const placed = labels
            .map((label) => ({ label, left: (moment(label.x) - first) / (last - first) * plot.width }))
            .sort((one, other) => one.left - other.left)
            .flatMap(({ label, left }) => {
                const width = label.text.length * LETTER + 6;
                const isAtEnd = left + width > plot.width;
                const from = isAtEnd ? left - width : left;
                const line = lines.findIndex((taken) => taken.every(([low, high]) => from >= high || from + width <= low));
                lines[line]?.push([from, from + width]);
                return line < 0 ? [] : [{ ...label, xanchor: isAtEnd ? 'right' : 'left', yanchor: 'bottom', yshift: LINE * line }];
            });
        return [placed, LINE * lines.filter((taken) => taken.length).length];
    };

    // 1 for a threshold far above the lines, -1 for one far below, 0 for one that is drawn.
    const sideOf = (picture, axis) => {
        const isLogarithmic = axis.type === 'log';
        const scaled = (value) => (isLogarithmic ? Math.log10(value) : value);
        const known = picture.data.flatMap((line) => [...line.y]).filter((value) => value !== null).map(scaled);
        const values = known.filter(Number.isFinite);
        if (axis.rangemode === 'tozero') {
            values.push(0);
        }
        const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
        const lowest = values.reduce((least, value) => Math.min(least, value), Infinity);
        const half = highest / 2 - lowest / 2;
        return ({ value }) => {
            const at = scaled(value);
            if (!(half > 0) || Number.isNaN(at)) {
                return 0;
            }
            return Number(at / 2 - highest / 2 > FAR * half) - Number(lowest / 2 - at / 2 > FAR * half);
        };
    };

    const farTextsOf = (thresholds, side, colour) => thresholds.map((limit, number) => {
        const isAbove = side(limit) > 0;
        const place = thresholds.slice(0, number).filter((other) => side(other) === side(limit)).length;
        return {
            xref: 'paper', yref: 'paper', x: 1, y: isAbove ? 1 : 0, xanchor: 'right', yanchor: isAbove ? 'top' : 'bottom',
            yshift: (isAbove ? -14 : 14) * place, text: `${isAbove ? '↑' : '↓'} ${plain(limit.label)}`, showarrow: false,
            font: { color: colour(limit.state), size: 11 },
        };
    });

    // The axis is as high as its lines; thresholds above them that are drawn belong into the picture, too.
    const reaching = (picture, thresholds) => {
        const [low, high] = picture.layout.yaxis.range;
        const above = thresholds.map((limit) => limit.value).filter((value) => value > high);
        return above.length ? { 'yaxis.range': [low, Math.max(...above) * 1.08] } : {};
    };

    const itemOf = ({ label, url, state }, words) => {
        const item = document.createElement('li');
        if (state) {
            const word = document.createElement('span');
            word.className = `state-word state-${state}`;
            word.textContent = state;
            item.append(word, ' ');
        }
        const link = document.createElement(url?.startsWith('/') ? 'a' : 'span');
        if (link.tagName === 'A') {
            link.href = url;
            link.className = 'page-link';
        }
        link.textContent = label;
        item.append(link, ' ', words);
        return item;
    };

    const folded = (words, items) => {
        const item = document.createElement('li');
        const fold = document.createElement('details');
        const summary = document.createElement('summary');
        const inside = document.createElement('ul');
        summary.textContent = words;
        inside.append(...items);
        fold.append(summary, inside);
        item.append(fold);
        return item;
    };

    const list = (chart, found, at) => {
        chart.querySelector('.chart-overlays')?.remove();
        const items = [
            ...found.thresholds.map((limit) => itemOf(limit, '(threshold)')),
            ...found.far.map((limit) => itemOf(limit, '(threshold, too far away to be drawn)')),
            ...found.others.map((limit) => itemOf(limit, `(${limit.why})`)),
            ...found.bands.map((band) => itemOf(band, `${at(band.start)} to ${at(band.end)}`)),
        ];
        const marks = [
            ...found.marks.map((mark) => itemOf(mark, at(mark.at))),
            ...(found.isCut ? [itemOf({ label: 'Older deploys are not drawn.' }, '')] : []),
        ];
        if (marks.length > FEW) {
            items.push(folded(`${found.marks.length} deploys`, marks));
        } else {
            items.push(...marks);
        }
        if (!items.length) {
            return;
        }
        const shown = document.createElement('ul');
        shown.className = 'chart-overlays';
        shown.setAttribute('aria-label', 'Rules, alerts and deploys in this chart');
        shown.append(...items.slice(0, LISTED));
        chart.append(shown);
    };

    document.addEventListener('chart:drawn', async (event) => {
        const chart = event.target.closest('figure.time-chart');
        const { Plotly, layout, figure } = event.detail;
        const isMark = (annotation) => annotation.name === 'mark';
        if (!chart || (!chart.dataset.overlays && !layout.annotations.some(isMark))) {
            return;
        }
        const all = await overlaysOf(chart);
        const side = sideOf(event.target, figure.layout.yaxis);
        const found = {
            ...all,
            thresholds: all.thresholds.filter((limit) => !side(limit)),
            far: all.thresholds.filter(side),
        };
        const style = getComputedStyle(chart);
        const colour = (state) => style.getPropertyValue(`--state-${state}`).trim();
        const at = clock();
        const isLogarithmic = figure.layout.yaxis.type === 'log';
        const isWordy = event.target.clientHeight >= WORDY;
        const labels = [...layout.annotations.filter(isMark), ...labelsOf(isWordy ? found.marks : [], colour, at)];
        const plot = event.target.querySelector('.nsewdrag')?.getBoundingClientRect() ?? { width: 600, height: 180 };
        const [placed, height] = staggered(labels, plot, layout.xaxis.range);
        await Plotly.relayout(event.target, {
            'margin.t': layout.margin.t + height,
            // In parts of the plot's height, which has just become less.
            'legend.y': layout.legend.y * plot.height / (plot.height - height),
            shapes: [...layout.shapes, ...shapesOf(found, colour, at)],
            annotations: [
                ...layout.annotations.filter((one) => !isMark(one)),
                ...textsOf(found, colour, isLogarithmic),
                ...farTextsOf(found.far, side, colour),
                ...placed,
            ],
            ...(isLogarithmic ? {} : reaching(event.target, found.thresholds)),
        });
        if (isWordy) {
            list(chart, found, at);
        }
        chart.dataset.overlaid = 'yes';
    });
})();
