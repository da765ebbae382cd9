// What all pages share: the reader's time zone, forms that send themselves, menus that close, refreshes that don't disturb.
(() => {
    'use strict';

    // zone.js has named the zone; a page that was made before the server knew it is made again, once.
    const page = document.querySelector('.page[data-zone]');
    const zone = /(?:^|; )timezone=([^;]+)/.exec(document.cookie)?.[1];
    const isSame = (one, other) => one === other || [one, other].every((name) => ['UTC', 'Etc/UTC', 'GMT'].includes(name));
    // Once for each zone: the server may not know it, and then says UTC.
    if (page && zone && !isSame(page.dataset.zone, zone) && sessionStorage.getItem('zone') !== zone) {
        sessionStorage.setItem('zone', zone);
        location.reload();
    }

    document.addEventListener('change', (event) => {
        event.target.closest('form[data-submits-itself]')?.requestSubmit();
    });

    const closeMenus = (except) => {
        for (const menu of document.querySelectorAll('details[data-closes-outside][open]')) {
            if (menu !== except) {
                menu.open = false;
            }
        }
    };
    document.addEventListener('click', (event) => closeMenus(event.target.closest('details[data-closes-outside]')));
    document.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') {
            const menu = event.target.closest?.('details[data-closes-outside][open]');
            closeMenus(null);
            menu?.querySelector('summary').focus();
        }
    });

    document.addEventListener('click', async (event) => {
        const button = event.target.closest('[data-copies]');
        if (button) {
            await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
            button.textContent = 'Copied';
        }
    });

    // A refresh never closes what one has opened, empties what one writes, or draws a chart anew that is the same.
    Idiomorph.defaults.ignoreActiveValue = true;
    Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !old.matches?.('.chart-picture, [data-keeps]');
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === 'open' && node.tagName === 'DETAILS');

    // A page that nobody looks at doesn't refresh itself; who comes back to it must not read old news.
    document.addEventListener('visibilitychange', () => {
        if (!document.hidden) {
            document.body.dispatchEvent(new Event('page:refresh'));
        }
    });

    // What the whole page has to say of its refreshes, in words and once.
    const say = (text, link) => {
        let note = document.getElementById('page-news');
        if (!note) {
            note = document.createElement('p');
            note.id = 'page-news';
            note.className = 'page-problem';
            note.setAttribute('role', 'alert');
            page?.prepend(note);
        }
        if (note.dataset.says !== text) {
            note.dataset.says = text;
            note.replaceChildren(text, ' ', link ?? '');
        }
    };

    // A panel that the server can't answer says so, and is asked for again by its next refresh.
    const failed = (event) => {
        const panel = event.detail.target;
        if (!panel?.classList) {
            return;
        }
        panel.classList.add('page-stale');
        panel.querySelector('.page-waiting')?.replaceChildren('No answer yet.');
        const isGone = event.detail.xhr?.status === 404;
        say(isGone ? 'What this page shows is no longer there.' : 'The server gives no answer: what is pale here is not up to date.');
    };
    document.addEventListener('htmx:responseError', failed);
    document.addEventListener('htmx:sendError', failed);
    document.addEventListener('htmx:timeout', failed);
    document.addEventListener('htmx:afterSwap', (event) => {
        event.detail.target.classList.remove('page-stale');
        if (!document.querySelector('.page-stale')) {
            document.getElementById('page-news')?.remove();
        }
    });
    htmx.config.timeout = 30000;

    // The session may end while a page stands open: a login form is no panel.
    document.addEventListener('htmx:beforeSwap', (event) => {
        const answered = new URL(event.detail.xhr.responseURL || location.href, location.href);
        if (answered.pathname.endsWith('/login/')) {
            event.detail.shouldSwap = false;
            const link = document.createElement('a');
            link.className = 'page-link';
            link.href = `${answered.pathname}?next=${encodeURIComponent(location.pathname + location.search)}`;
            link.textContent = 'Log in again';
            say('You have been logged out: nothing here is up to date any more.', link);
        }
    });
})();
