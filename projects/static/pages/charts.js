// Draws the figures that the server wrote into the page; dragging over one chooses that stretch of time.
(() => {
    'use strict';

    const plotlyUrl = document.currentScript.dataset.plotly;
    let plotly;

    const loadPlotly = () => {
        plotly ??= new Promise((resolve, reject) => {
            const script = document.createElement('script');
            script.src = plotlyUrl;
            script.onload = () => resolve(window.Plotly);
            script.onerror = reject;
            document.head.append(script);
        });
        return plotly;
    };

    // Colours that mean something are names of the style sheet's variables, so that dark pages have their own.
    const withColours = (value, style, key = '') => {
        if (typeof value === 'string' && /colou?r$/.test(key)) {
            const name = /^var\((--[a-z-]+)\)$/.exec(value);
            return name ? style.getPropertyValue(name[1]).trim() : value;
        }
        if (Array.isArray(value)) {
            return value.map((one) => withColours(one, style, key));
        }
        if (value && typeof value === 'object') {
            return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withColours(one, style, name)]));
        }
        return value;
    };

    const layoutOf = (given, style) => {
        const ink = style.getPropertyValue('--chart-ink').trim();
        const grid = style.getPropertyValue('--chart-grid').trim();
        const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, automargin: true };
        const { xaxis, yaxis, ...others } = withColours(given, style);
        return {
            margin: { l: 48, r: 12, t: 8, b: 32 },
            paper_bgcolor: 'rgba(0,0,0,0)',
            plot_bgcolor: 'rgba(0,0,0,0)',
            font: { color: ink, size: 12, family: 'inherit' },
            hovermode: 'closest',
            dragmode: 'zoom',
            bargap: 0.1,
            legend: { orientation: 'h', y: -0.18, font: { size: 11 } },
            ...others,
            xaxis: { ...axis, ...xaxis },
            yaxis: { ...axis, fixedrange: true, ...yaxis },
        };
    };

    const goTo = (parameters) => {
        const url = new URL(location.href);
        for (const name of ['range', 'start', 'end', 'zone', 'cursor']) {
            url.searchParams.delete(name);
        }
        for (const [name, value] of Object.entries(parameters)) {
            url.searchParams.set(name, value);
        }
        location.assign(url);
    };

    const listen = (picture) => {
        picture.on('plotly_relayout', (change) => {
            const from = change['xaxis.range[0]'];
            const to = change['xaxis.range[1]'];
            if (picture.dataset.zooms && from && to) {
                const zone = document.querySelector('.page[data-zone]')?.dataset.zone ?? 'UTC';
                const asTime = (text) => String(text).slice(0, 23).replace(' ', 'T');
                picture.dispatchEvent(new CustomEvent('chart:zoom', { bubbles: true, detail: change }));
                goTo({ start: asTime(from), end: asTime(to), zone });
            }
        });
        picture.on('plotly_click', (event) => {
            const url = event.points[0]?.customdata;
            if (typeof url === 'string' && url.startsWith('/')) {
                location.assign(url);
            }
        });
    };

    const draw = async (chart) => {
        const source = document.getElementById(chart.dataset.chart);
        const picture = chart.querySelector('.chart-picture');
        const theme = document.documentElement.classList.contains('dark') ? 'dark' : 'light';
        const drawn = `${theme} ${source.textContent}`;
        if (picture.drawn === drawn) {
            return;
        }
        const isFirst = !picture.drawn;
        picture.drawn = drawn;
        const figure = JSON.parse(source.textContent);
        const style = getComputedStyle(chart);
        const Plotly = await loadPlotly();
        picture.dataset.zooms = figure.page.zooms ? 'yes' : '';
        const layout = layoutOf(figure.layout, style);
        layout.xaxis.fixedrange = !figure.page.zooms;
        const options = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };
        await Plotly.react(picture, withColours(figure.data, style), layout, options);
        if (isFirst) {
            listen(picture);
        }
        chart.dataset.drawn = theme;
        picture.dispatchEvent(new CustomEvent('chart:drawn', { bubbles: true, detail: { Plotly, layout, figure } }));
    };

    const drawAll = () => document.querySelectorAll('figure.time-chart').forEach(draw);

    document.addEventListener('htmx:afterSettle', drawAll);
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ['class'] });
    drawAll();
})();
