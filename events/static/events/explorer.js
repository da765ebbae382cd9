// Opens an event beside the list, and holds a live list still while somebody reads it.
(() => {
    'use strict';

    const detail = document.getElementById('event-detail');
    if (!detail) {
        return;
    }
    let opener;

    const show = () => {
        mark();
        detail.querySelector('h2')?.focus();
        detail.scrollTop = 0;
    };

    // No answer rejects without a reason: pages.js says so, and whoever leaves the page meanwhile needs no word.
    const load = (url) => htmx.ajax('GET', url, { target: detail, swap: 'innerHTML' }).then(show, () => {});

    // One step of the history, however many events are looked at: going back closes the event before it leaves the list.
    const open = (link) => {
        opener = link.closest('tr').id;
        const url = link.getAttribute('href');
        if (detail.firstElementChild) {
            history.replaceState(history.state, '', url);
        } else {
            history.pushState({ opensEvent: true }, '', url);
        }
        load(link.dataset.opensEvent);
    };

    // The panels' own URLs don't know which event is open, so a refresh forgets it.
    const mark = () => {
        for (const row of document.querySelectorAll('.events-row')) {
            if (detail.firstElementChild && row.id === opener) {
                row.setAttribute('aria-current', 'true');
            } else {
                row.removeAttribute('aria-current');
            }
        }
    };

    const empty = () => {
        detail.replaceChildren();
        detail.removeAttribute('hx-get');
        mark();
        document.getElementById(opener)?.querySelector('[data-opens-event]').focus();
    };

    const close = () => {
        if (history.state?.opensEvent) {
            history.back();
            return;
        }
        const url = detail.querySelector('[data-closes-event]')?.getAttribute('href');
        if (url) {
            history.replaceState(history.state, '', url);
        }
        empty();
    };

    addEventListener('popstate', () => {
        const asked = new URLSearchParams(location.search);
        if (!asked.has('event')) {
            empty();
            return;
        }
        opener = [...document.querySelectorAll('[data-opens-event]')]
            .find((link) => link.getAttribute('href') === location.search)?.closest('tr').id;
        asked.set('panel', 'event');
        load(`?${asked}`);
    });

    document.addEventListener('click', (event) => {
        if (event.target.closest('[data-closes-event]')) {
            event.preventDefault();
            close();
            return;
        }
        const row = event.target.closest('.events-row');
        const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
        if (row && isPlain && String(getSelection()) === '') {
            event.preventDefault();
            open(row.querySelector('[data-opens-event]'));
        }
    });

    document.addEventListener('keydown', (event) => {
        if (event.key === 'Escape' && detail.firstElementChild && !event.defaultPrevented) {
            close();
        }
    });

    const isRead = (list) =>
        list.querySelector('table')?.matches(':hover') ||
        list.contains(document.activeElement) ||
        list.getBoundingClientRect().top < 0 ||
        String(getSelection()) !== '';

    document.addEventListener('htmx:beforeRequest', (event) => {
        const list = event.detail.elt;
        if (list.id !== 'panel-list' || !list.querySelector('.events-row')) {
            return;
        }
        const isHeld = isRead(list);
        const status = list.querySelector('.events-paused');
        if (status) {
            status.textContent = isHeld ? 'Held still while you read.' : '';
        }
        if (isHeld) {
            event.preventDefault();
        }
    });

    document.addEventListener('htmx:afterSettle', (event) => {
        if (event.detail.target === detail && !opener) {
            opener = document.querySelector('.events-row[aria-current]')?.id;
        }
        if (event.detail.target?.id === 'panel-list') {
            opener ??= document.querySelector('.events-row[aria-current]')?.id;
            mark();
        }
    });
})();
