// The funnel builder: what its fields say goes into the address, and the panels are asked for again.
(() => {
    'use strict';

    const builder = document.getElementById('funnel-builder');
    if (!builder) {
        return;
    }
    const MINUTES = { minutes: 1, hours: 60, days: 1440 };
    const PAUSE_MS = 400;
    const steps = builder.querySelector('.funnel-steps');
    const exclusions = builder.querySelector('.funnel-exclusions');
    const field = (name, within = builder) => within.querySelector(`[name=${name}]`);
    const number = (input) => (input.value.trim() === '' ? null : Number(input.value));

    // --- What the fields say, as the API takes it; what is left at its default is left out.

    const put = (target, name, value, usual = null) => {
        if (value !== null && value !== '' && value !== usual) {
            target[name] = value;
        }
    };

    const minutes = (name, within) => {
        const amount = number(field(name, within));
        return amount ? amount * MINUTES[field(`${name}_unit`, within).value] : null;
    };

    const matcherOf = (item) => item.querySelector('matcher-editor').matcher;

    const stepOf = (item, place, order) => {
        const step = { ...matcherOf(item) };
        put(step, 'name', field('name', item).value.trim());
        if (place && order !== 'any') {
            put(step, 'within_minutes', minutes('within', item));
        }
        return step;
    };

    const exclusionOf = (item, order) => {
        const exclusion = { ...matcherOf(item) };
        if (order !== 'any') {
            put(exclusion, 'from_step', number(field('from_step', item)));
            put(exclusion, 'to_step', number(field('to_step', item)));
        }
        return exclusion;
    };

    const breakdownOf = () => {
        const by = field('breakdown').value.trim();
        const touch = field('touch').value;
        if (!by || touch === 'first') {
            return by;
        }
        return touch === 'step' ? { by, touch, step: number(field('touched_step')) ?? 1 } : { by, touch };
    };

    const given = (list) => [...list.children].filter((item) => matcherOf(item) !== null);

    const question = () => {
        const found = {};
        const order = field('order').value;
        const named = given(steps);
        if (named.length) {
            found.steps = named.map((item, place) => stepOf(item, place, order));
        }
        put(found, 'order', order, 'ordered');
        put(found, 'window_minutes', minutes('window', builder));
        put(found, 'unit', field('unit').value || field('unit_field').value.trim(), 'user_id');
        const excluded = given(exclusions).map((item) => exclusionOf(item, order));
        put(found, 'exclusions', excluded.length ? excluded : null);
        put(found, 'breakdown', breakdownOf());
        put(found, 'trend', field('trend').value);
        put(found, 'compare', field('compare').checked, false);
        return found;
    };

    // --- The address, and what on the page leads on from it.

    let shown = JSON.stringify(question());
    const url = new URL(location.href);

    const carry = () => {
        for (const link of document.querySelectorAll('.page-head a[href^="?"]')) {
            const target = new URL(link.getAttribute('href'), location.href);
            target.searchParams.set('funnel', shown);
            link.setAttribute('href', target.search);
        }
        for (const form of document.querySelectorAll('.page-head form[method=get]')) {
            if (form.querySelector('[name=saved]:not([type=hidden])')) {
                continue;
            }
            let input = form.querySelector('[name=funnel]');
            if (!input) {
                input = Object.assign(document.createElement('input'), { type: 'hidden', name: 'funnel' });
                form.append(input);
            }
            input.value = shown;
        }
    };

    const ask = (name) => {
        const panel = document.getElementById(`panel-${name}`);
        const target = new URL(url);
        target.searchParams.set('panel', name);
        // A later question makes an earlier answer worthless.
        panel.setAttribute('hx-sync', 'this:replace');
        // Rejects without a reason where a later question came or the page is left; pages.js tells of a missing answer.
        htmx.ajax('GET', target.pathname + target.search, { source: panel, target: panel, swap: 'morph:innerHTML' }).catch(() => {});
    };

    const update = () => {
        const asked = JSON.stringify(question());
        const isWhole = [...builder.querySelectorAll('matcher-editor')].every((editor) => editor.isWhole);
        if (asked === shown || !isWhole) {
            return;
        }
        shown = asked;
        for (const name of ['step', 'lost']) {
            url.searchParams.delete(name);
        }
        url.searchParams.set('funnel', shown);
        history.pushState(null, '', url);
        document.getElementById('panel-people')?.remove();
        carry();
        ask('results');
        ask('next');
    };

    let timer = 0;
    const soon = () => {
        arrange();
        clearTimeout(timer);
        timer = setTimeout(update, PAUSE_MS);
    };

    // The builder of an older address is the server's to write.
    window.addEventListener('popstate', () => location.reload());

    // --- Steps and exclusions.

    const arrange = () => {
        const order = field('order').value;
        [...steps.children].forEach((item, place) => {
            item.querySelector('h3').textContent = `Step ${place + 1}`;
            item.querySelector('[data-moves="-1"]').disabled = place === 0;
            item.querySelector('[data-moves="1"]').disabled = place === steps.children.length - 1;
            item.querySelector('[data-removes]').disabled = steps.children.length === 1;
            item.querySelector('[data-within]').hidden = place === 0 || order === 'any';
        });
        [...exclusions.children].forEach((item, place) => {
            item.querySelector('h3').textContent = `Exclusion ${place + 1}`;
            item.querySelector('[data-between]').hidden = order === 'any';
        });
        for (const [list, kind] of [[steps, 'step'], [exclusions, 'exclusion']]) {
            builder.querySelector(`[data-adds=${kind}]`).hidden = list.children.length >= Number(list.dataset.most);
        }
        builder.querySelector('[data-unit-field]').hidden = field('unit').value !== '';
        builder.querySelector('[data-touch]').hidden = field('breakdown').value.trim() === '';
        field('touched_step').hidden = field('touch').value !== 'step';
    };

    const add = (kind, matcher = null) => {
        const list = kind === 'step' ? steps : exclusions;
        const item = document.getElementById(`funnel-${kind}`).content.firstElementChild.cloneNode(true);
        if (matcher) {
            item.querySelector('textarea').textContent = JSON.stringify(matcher);
        }
        list.append(item);
        return item;
    };

    // An event that was suggested goes into the step that waits for one, else into a new one.
    const addEvent = (name) => {
        const waiting = [...steps.children].find((item) => matcherOf(item) === null);
        const item = add('step', { event_name: name });
        if (waiting) {
            waiting.replaceWith(item);
        }
        soon();
    };

    builder.addEventListener('click', (event) => {
        const button = event.target.closest('button');
        const item = button?.closest('.funnel-step, .funnel-exclusion');
        if (button?.dataset.adds) {
            add(button.dataset.adds).querySelector('input')?.focus();
        } else if (button?.dataset.moves && item) {
            const isUp = button.dataset.moves === '-1';
            const other = isUp ? item.previousElementSibling : item.nextElementSibling;
            other?.[isUp ? 'before' : 'after'](item);
            button.focus();
        } else if (button && 'removes' in button.dataset && item) {
            const next = item.nextElementSibling ?? item.previousElementSibling;
            item.remove();
            next?.querySelector('input')?.focus();
        } else {
            return;
        }
        soon();
    });

    document.addEventListener('click', (event) => {
        const chip = event.target.closest('[data-adds-event]');
        if (chip && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            addEvent(chip.dataset.addsEvent);
        }
    });

    builder.addEventListener('input', soon);
    builder.addEventListener('change', soon);
    builder.addEventListener('matcher:change', soon);

    // --- Fields of events, for what is broken down by and what is counted.

    const offerFields = async () => {
        const source = builder.querySelector('matcher-editor').dataset.suggestions;
        const answer = await fetch(`${source}?${new URLSearchParams({ project: builder.dataset.project, of: 'fields' })}`);
        const found = answer.ok ? (await answer.json()).suggestions : [];
        document.getElementById('funnel-fields').replaceChildren(...found.map((one) => Object.assign(document.createElement('option'), { value: one.value })));
    };
    for (const name of ['breakdown', 'unit_field']) {
        field(name).addEventListener('focus', offerFields, { once: true });
    }

    // --- Save and share.

    document.getElementById('funnel-save')?.addEventListener('submit', async (event) => {
        event.preventDefault();
        const form = event.target;
        const problem = form.querySelector('[role=alert]');
        const body = new FormData(form, event.submitter);
        body.set('question', JSON.stringify(question()));
        const say = (text) => {
            problem.textContent = text;
            problem.hidden = false;
        };
        try {
            const answer = await fetch(form.action + url.search.replace(/^\?/, '&'), { method: 'POST', body, headers: { Accept: 'application/json' } });
            const found = await answer.json();
            if (answer.ok) {
                location.assign(found.url);
            } else {
                say(Object.values(found.errors).flat().join(' '));
            }
        } catch {
            say('It was not saved: the server gave no answer. Try again.');
        }
    });

    document.querySelector('[data-shares]')?.addEventListener('click', async (event) => {
        await navigator.clipboard.writeText(location.href);
        event.target.closest('button').lastChild.textContent = 'Link copied';
    });

    arrange();
})();
