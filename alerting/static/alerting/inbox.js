// The keys of the inbox, what is selected, and refreshes that keep both.
(() => {
    'use strict';

    const form = document.getElementById('inbox');
    if (!form) {
        return;
    }
    const rows = () => [...form.querySelectorAll('.inbox-row')];
    const ticks = () => [...form.querySelectorAll('.inbox-row input[name="alert"]')];
    const here = () => form.querySelector('.inbox-row[aria-current]');

    // The server knows neither what is ticked nor where the cursor is: a refresh leaves both as they are.
    const { callbacks } = Idiomorph.defaults;
    const others = callbacks.beforeAttributeUpdated;
    callbacks.beforeAttributeUpdated = (name, node, kind) => {
        const isOurs = (name === 'checked' && node.name === 'alert') || (name === 'aria-current' && node.classList.contains('inbox-row'));
        return !isOurs && others(name, node, kind);
    };

    let position = -1;
    const goTo = (index) => {
        const all = rows();
        if (!all.length) {
            return;
        }
        position = Math.max(0, Math.min(index, all.length - 1));
        for (const [number, row] of all.entries()) {
            row.toggleAttribute('aria-current', number === position);
        }
        const row = all[position];
        row.setAttribute('aria-current', 'true');
        row.scrollIntoView({ block: 'nearest' });
        row.querySelector('.inbox-open').focus({ preventScroll: true });
        form.elements.current.value = row.dataset.alert;
    };

    const count = () => {
        const all = ticks();
        const selected = all.filter((tick) => tick.checked).length;
        form.toggleAttribute('data-selected', selected > 0);
        const every = form.querySelector('[data-selects-all]');
        if (every) {
            every.checked = selected > 0 && selected === all.length;
            every.indeterminate = selected > 0 && selected < all.length;
            form.querySelector('[data-selected-count]').textContent = selected ? `${selected} selected` : 'None selected';
        }
    };

    form.addEventListener('change', (event) => {
        if (event.target.matches('[data-selects-all]')) {
            ticks().forEach((tick) => { tick.checked = event.target.checked; });
        }
        count();
    });

    // Enter in a text field would press the first button of the form, which acknowledges.
    form.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' && event.target.matches('input:not([type="checkbox"])')) {
            event.preventDefault();
        }
    });

    const open = (id) => {
        const menu = document.getElementById(id);
        if (menu) {
            menu.open = true;
            menu.querySelector('.inbox-durations button').focus();
        }
    };
    const press = (key) => form.querySelector(`.inbox-bar [data-key="${key}"]`)?.click();
    const actions = {
        j: () => goTo(here() ? rows().indexOf(here()) + 1 : 0),
        k: () => goTo(here() ? rows().indexOf(here()) - 1 : 0),
        x: () => here()?.querySelector('input[name="alert"]')?.click(),
        a: () => press('a'),
        e: () => press('e'),
        s: () => open('inbox-silence'),
        o: () => here()?.querySelector('.inbox-open').click(),
        '/': () => {
            const search = document.getElementById('inbox-search');
            search.focus();
            search.select();
        },
        '?': () => document.getElementById('inbox-keys').showModal(),
    };
    document.addEventListener('keydown', (event) => {
        // A dialog that was just closed keeps the focus until the next frame.
        const isWriting = event.target.closest('input:not([type="checkbox"]), textarea, select, dialog[open]');
        const act = actions[event.key];
        if (!act || isWriting || event.ctrlKey || event.metaKey || event.altKey) {
            return;
        }
        event.preventDefault();
        act();
    });
    document.addEventListener('click', (event) => {
        const opener = event.target.closest('[data-opens]');
        if (opener) {
            document.getElementById(opener.dataset.opens).showModal();
        }
    });

    document.addEventListener('htmx:afterRequest', (event) => {
        // What was done is done for those that were ticked; menus have served.
        if (event.detail.successful && event.detail.elt === form) {
            ticks().forEach((tick) => { tick.checked = false; });
            form.querySelectorAll('.inbox-menu[open]').forEach((menu) => { menu.open = false; });
            form.elements.comment && (form.elements.comment.value = '');
            count();
        }
    });
    document.addEventListener('htmx:afterSettle', () => {
        // Where one was is the place to go on from, also when that alert is no longer in the list.
        const isAway = document.activeElement === document.body || form.contains(document.activeElement);
        if (position >= 0 && !here() && isAway && !form.querySelector('.inbox-menu[open]')) {
            goTo(position);
        } else if (here()) {
            position = rows().indexOf(here());
        }
        form.elements.current.value = here()?.dataset.alert ?? '';
        count();
    });
    count();
})();
