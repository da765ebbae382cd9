// The waterfall of a trace: folding, arrow keys, and the panel of the span that is chosen.
(() => {
    'use strict';

    const table = document.querySelector('table.waterfall');
    if (!table) {
        return;
    }
    const rows = [...table.tBodies[0].rows];
    const panel = document.getElementById('panel-span');
    const depthOf = (row) => Number(row.dataset.depth);
    const linkOf = (row) => row.querySelector('a[data-span]');
    const isClosed = (row) => row.getAttribute('aria-expanded') === 'false';
    const hasChildren = (row) => row.hasAttribute('aria-expanded');

    const hideClosed = () => {
        let closedAt = Infinity;
        for (const row of rows) {
            if (depthOf(row) <= closedAt) {
                closedAt = Infinity;
            }
            row.hidden = depthOf(row) > closedAt;
            if (!row.hidden && isClosed(row)) {
                closedAt = depthOf(row);
            }
        }
    };

    const setOpen = (row, open) => {
        if (hasChildren(row)) {
            row.setAttribute('aria-expanded', open);
            row.querySelector('.span-toggle').setAttribute('aria-expanded', open);
        }
    };

    // One link of the table is in the tab order, so that a thousand spans are one stop.
    const focus = (row) => {
        if (row) {
            table.querySelectorAll('a[data-span]:not([tabindex="-1"])').forEach((link) => link.setAttribute('tabindex', '-1'));
            linkOf(row).setAttribute('tabindex', '0');
            linkOf(row).focus();
        }
    };

    const beside = (row, step) => {
        let place = rows.indexOf(row) + step;
        while (rows[place]?.hidden) {
            place += step;
        }
        return rows[place];
    };
    const parentOf = (row) => rows.slice(0, rows.indexOf(row)).reverse().find((other) => depthOf(other) < depthOf(row));

    const keys = {
        ArrowDown: (row) => focus(beside(row, 1)),
        ArrowUp: (row) => focus(beside(row, -1)),
        Home: () => focus(rows[0]),
        End: () => focus(rows.findLast((row) => !row.hidden)),
        ArrowRight: (row) => {
            if (isClosed(row)) {
                setOpen(row, true);
                hideClosed();
            } else if (hasChildren(row)) {
                focus(beside(row, 1));
            }
        },
        ArrowLeft: (row) => {
            if (hasChildren(row) && !isClosed(row)) {
                setOpen(row, false);
                hideClosed();
            } else {
                focus(parentOf(row));
            }
        },
    };

    // Replaced, not pushed: going back leads to where one came from, and the address still names the span.
    const choose = (link) => {
        table.querySelectorAll('a[aria-current]').forEach((other) => other.removeAttribute('aria-current'));
        link.setAttribute('aria-current', 'true');
        history.replaceState(history.state, '', link.href);
        const url = new URL(link.href);
        url.searchParams.set('panel', 'span');
        // No answer rejects without a reason: pages.js says so, and whoever leaves the page meanwhile needs no word.
        htmx.ajax('GET', url.pathname + url.search, { target: panel, swap: 'innerHTML' }).catch(() => {});
    };

    const close = (href) => {
        panel.replaceChildren();
        history.replaceState(history.state, '', href);
        const link = table.querySelector('a[aria-current]');
        link?.removeAttribute('aria-current');
        link?.focus();
    };

    table.addEventListener('keydown', (event) => {
        const link = event.target.closest('a[data-span]');
        if (link && keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
            event.preventDefault();
            keys[event.key](link.closest('tr'));
        }
    });

    table.addEventListener('click', (event) => {
        const toggle = event.target.closest('.span-toggle');
        const link = event.target.closest('a[data-span]');
        if (toggle) {
            const row = toggle.closest('tr');
            setOpen(row, isClosed(row));
            hideClosed();
        } else if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            choose(link);
        } else if (!link && !event.target.closest('a') && event.target.closest('tbody tr')) {
            choose(linkOf(event.target.closest('tr')));
        }
    });

    panel.addEventListener('click', (event) => {
        const link = event.target.closest('[data-closes-span]');
        if (link) {
            event.preventDefault();
            close(link.href);
        }
    });
    panel.addEventListener('htmx:afterSwap', () => {
        if (matchMedia('(max-width: 1100px)').matches) {
            panel.scrollIntoView({ block: 'start' });
        }
    });
    document.addEventListener('keydown', (event) => {
        if (event.key === 'Escape' && panel.contains(event.target)) {
            panel.querySelector('[data-closes-span]')?.click();
        }
    });

    const folding = document.querySelector('[data-folding]');
    if (folding && rows.some(hasChildren)) {
        folding.hidden = false;
        folding.addEventListener('click', (event) => {
            const which = event.target.closest('[data-fold]')?.dataset.fold;
            if (which) {
                rows.forEach((row) => setOpen(row, which === 'open' || depthOf(row) === depthOf(rows[0])));
                hideClosed();
            }
        });
    }
})();
