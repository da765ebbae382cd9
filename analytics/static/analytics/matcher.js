// The matcher editor: a name and conditions, with alternatives, in the place of the JSON that they are kept as.
//
// <matcher-editor> holds a text area with the JSON. What these fields can't show stays JSON, to the letter. Pages hear
// `matcher:change` and read `element.matcher` (an object, null for nothing) and `element.isWhole` (nothing half filled in).
(() => {
    'use strict';

    // What one reads -> how the JSON says it: the operator, inside "not" or bare, and whether it takes a value.
    const OPERATORS = {
        'is': { key: 'equals' },
        'is not': { key: 'equals', negated: true },
        'is one of': { key: 'one_of' },
        'is none of': { key: 'one_of', negated: true },
        'contains': { key: 'contains' },
        'does not contain': { key: 'contains', negated: true },
        'is more than': { key: 'greater', isNumber: true },
        'is at least': { key: 'greater_or_equal', isNumber: true },
        'is less than': { key: 'less', isNumber: true },
        'is at most': { key: 'less_or_equal', isNumber: true },
        'is there': { key: 'exists', fixed: true },
        'is missing': { key: 'exists', fixed: false },
    };
    const NAMED = ['event_type', 'event_category'];
    const MOST_ALTERNATIVES = 50;
    let made = 0;

    const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
    const isPlain = (value) => ['string', 'number', 'boolean'].includes(typeof value);
    const isList = (value) => Array.isArray(value) && value.every((one) => isPlain(one) && !String(one).includes(','));
    const takesNoValue = (words) => 'fixed' in OPERATORS[words];

    // --- JSON to what the fields show; null where they can't.

    const conditionOf = (field, key, operand, negated = false) => {
        if (key === 'not' && !negated) {
            if (!isObject(operand)) {
                return conditionOf(field, Array.isArray(operand) ? 'one_of' : 'equals', operand, true);
            }
            const inner = Object.entries(operand);
            return inner.length === 1 ? conditionOf(field, ...inner[0], true) : null;
        }
        const words = Object.keys(OPERATORS).find((one) => {
            const operator = OPERATORS[one];
            return operator.key === key && Boolean(operator.negated) === negated && (!('fixed' in operator) || operator.fixed === operand);
        });
        const isShown = key === 'one_of' ? isList(operand) : isPlain(operand);
        return words && isShown ? { field, words, operand } : null;
    };

    const conditionsOf = (field, tests) => {
        if (!isObject(tests)) {
            return [conditionOf(field, Array.isArray(tests) ? 'one_of' : 'equals', tests)];
        }
        return Object.entries(tests).map(([key, operand]) => conditionOf(field, key, operand));
    };

    const alternativeOf = (matcher) => {
        if (!isObject(matcher) || !Object.keys(matcher).every((key) => ['event_name', ...NAMED, 'filters'].includes(key))) {
            return null;
        }
        const named = NAMED.filter((key) => matcher[key] != null).map((key) => conditionOf(key, 'equals', matcher[key]));
        const filters = Object.entries(matcher.filters ?? {}).flatMap(([field, tests]) => conditionsOf(field, tests));
        const conditions = [...named, ...filters];
        return conditions.includes(null) ? null : { name: matcher.event_name ?? '', conditions };
    };

    const alternativesOf = (matcher) => {
        if (isObject(matcher) && Array.isArray(matcher.any_of)) {
            const found = Object.keys(matcher).length === 1 ? matcher.any_of.map(alternativeOf) : [null];
            return found.includes(null) ? null : found;
        }
        const found = alternativeOf(matcher);
        return found && [found];
    };

    // --- What the fields hold to JSON.

    // Clients send a whole number as 500 or as "500"; the number finds both.
    const asValue = (text) => (/^-?(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text);
    const asNumber = (text) => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : text);

    const operandOf = (operator, text, former) => {
        if ('fixed' in operator) {
            return operator.fixed;
        }
        if (text === '') {
            return null;
        }
        if (former !== undefined && textOf(former) === text && Array.isArray(former) === (operator.key === 'one_of')) {
            return former;
        }
        if (operator.key === 'one_of') {
            return text.split(',').map((one) => one.trim()).filter(Boolean).map(asValue);
        }
        return operator.isNumber ? asNumber(text) : operator.key === 'contains' ? text : asValue(text);
    };

    const textOf = (operand) => (Array.isArray(operand) ? operand.join(', ') : String(operand ?? ''));

    // --- The page.

    const element = (tag, attributes = {}, ...children) => {
        const found = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (name.startsWith('on')) {
                found.addEventListener(name.slice(2), value);
            } else {
                found.setAttribute(name, value);
            }
        }
        found.append(...children);
        return found;
    };

    const button = (words, onclick, attributes = {}) => element('button', { type: 'button', class: 'matcher-button', onclick, ...attributes }, words);

    const asked = new Map();
    const suggestions = (url, parameters) => {
        const full = `${url}?${new URLSearchParams(parameters)}`;
        if (!asked.has(full)) {
            const answer = fetch(full, { headers: { Accept: 'application/json' } }).then((found) => (found.ok ? found.json() : { suggestions: [] }));
            asked.set(full, answer.then((found) => found.suggestions).catch(() => {
                asked.delete(full);
                return [];
            }));
        }
        return asked.get(full);
    };

    class MatcherEditor extends HTMLElement {
        connectedCallback() {
            // Moving it within the page keeps what is half filled in; a copy of it is built anew.
            if (this.area) {
                return;
            }
            this.area = this.querySelector('textarea');
            this.querySelectorAll(':scope > :not(textarea)').forEach((one) => one.remove());
            const label = this.area.getAttribute('aria-label') || this.area.labels?.[0]?.textContent.trim() || 'Events';
            this.list = element('div', { class: 'matcher-alternatives' });
            this.more = button('+ or another event', () => this.addAlternative().querySelector('input').focus());
            this.asText = button('Edit as JSON', () => this.showText(!this.isText));
            this.fields = element('div', { class: 'matcher-fields', role: 'group', 'aria-label': label }, this.list);
            this.note = element('p', { class: 'matcher-note', role: 'status' });
            this.append(this.fields, element('p', { class: 'matcher-tools' }, this.more, this.asText), this.note);
            if (!this.area.hasAttribute('aria-label')) {
                this.area.setAttribute('aria-label', `${label} as JSON`);
            }
            this.area.addEventListener('input', () => this.say());
            this.list.addEventListener('input', () => this.write());
            this.showText(false);
        }

        get matcher() {
            try {
                return this.area.value.trim() ? JSON.parse(this.area.value) : null;
            } catch {
                return null;
            }
        }

        get isWhole() {
            if (this.isText) {
                return !this.area.value.trim() || this.matcher !== null;
            }
            return ![...this.list.querySelectorAll('.matcher-condition')].some((row) => row.halfFilled);
        }

        get isText() {
            return !this.area.hidden;
        }

        // Fill the fields from the JSON; false where they can't show it.
        read() {
            let found = null;
            try {
                found = alternativesOf((this.area.value.trim() && JSON.parse(this.area.value)) || {});
            } catch {
                // Broken JSON is edited as text.
            }
            this.list.replaceChildren();
            found?.forEach((one) => this.addAlternative(one));
            return found !== null;
        }

        showText(wanted) {
            const isText = wanted || !this.read();
            this.area.hidden = !isText;
            this.fields.hidden = isText;
            this.more.hidden = isText;
            this.asText.textContent = isText ? 'Edit with fields' : 'Edit as JSON';
            this.note.textContent = !isText || wanted ? '' : this.matcher ? 'This is more than the fields can show, so it stays JSON.' : 'This is no JSON yet.';
        }

        write() {
            const alternatives = [...this.list.children].map((one) => this.alternative(one)).filter((one) => Object.keys(one).length);
            const matcher = alternatives.length > 1 ? { any_of: alternatives } : alternatives[0];
            const text = matcher ? JSON.stringify(matcher) : '';
            if (text !== this.area.value) {
                this.area.value = text;
                // The admin's form notices what is not saved by it.
                this.area.dispatchEvent(new Event('change', { bubbles: true }));
            }
            this.say();
        }

        say() {
            this.dispatchEvent(new CustomEvent('matcher:change', { bubbles: true }));
        }

        alternative(block) {
            const found = {};
            const name = block.querySelector('.matcher-name').value.trim();
            if (name) {
                found.event_name = name;
            }
            let problem = '';
            for (const row of block.querySelectorAll('.matcher-condition')) {
                const [field, words, value] = row.inputs.map((input) => input.value.trim());
                row.inputs[2].hidden = takesNoValue(words);
                row.halfFilled = Boolean(field) !== Boolean(value || takesNoValue(words));
                if (field || value) {
                    problem ||= this.addCondition(found, row, field, OPERATORS[words], value);
                }
            }
            block.querySelector('.matcher-problem').textContent = problem;
            return found;
        }

        addCondition(found, row, field, operator, text) {
            const operand = operandOf(operator, text, row.operand);
            const isBare = operator.key === 'equals' && !operator.negated;
            if (NAMED.includes(field) && isBare && !(field in found) && operand !== null) {
                found[field] = String(operand);
                return '';
            }
            found.filters ??= {};
            const tests = (found.filters[field] ??= {});
            const key = operator.negated ? 'not' : operator.key;
            if (key in tests) {
                row.halfFilled = true;
                return `${field} has two conditions of one kind, of which only the first counts. Join them with “is one of” or “is none of”.`;
            }
            tests[key] = operator.negated ? { [operator.key]: operand } : operand;
            return '';
        }

        addAlternative(shown = { name: '', conditions: [] }) {
            const name = this.input('matcher-name', 'Event name', () => ({ of: 'names' }));
            name.placeholder = 'Event name';
            name.value = shown.name;
            const remove = button('×', () => this.drop(block, this.more), { 'aria-label': 'Remove this alternative', title: 'Remove' });
            const rows = element('div', { class: 'matcher-conditions' });
            const add = button('+ where', () => {
                this.addRow(rows, block).inputs[0].focus();
                this.write();
            }, { 'aria-label': 'Add a condition' });
            const block = element('div', { class: 'matcher-alternative' },
                element('div', { class: 'matcher-event' }, name, name.options, add, remove), rows, element('p', { class: 'matcher-problem', role: 'alert' }));
            this.list.append(block);
            shown.conditions.forEach((one) => this.addRow(rows, block, one));
            this.more.disabled = this.list.children.length >= MOST_ALTERNATIVES;
            return block;
        }

        addRow(rows, block, shown = { field: '', words: 'is' }) {
            const eventName = () => block.querySelector('.matcher-name').value.trim();
            const field = this.input('matcher-field', 'Field', () => ({ of: 'fields', event_name: eventName() }));
            field.placeholder = 'Field';
            const words = element('select', { class: 'matcher-operator', 'aria-label': 'Comparison' },
                ...Object.keys(OPERATORS).map((one) => element('option', {}, one)));
            const value = this.input('matcher-value', 'Value', () => field.value.trim() && { of: 'values', field: field.value.trim(), event_name: eventName() });
            value.placeholder = 'Value';
            const remove = button('×', () => this.drop(row, block.querySelector('.matcher-event button')), { 'aria-label': 'Remove this condition', title: 'Remove' });
            const row = element('div', { class: 'matcher-condition', role: 'group', 'aria-label': 'Condition' }, field, words, value, remove, field.options, value.options);
            row.inputs = [field, words, value];
            row.operand = shown.operand;
            [field.value, words.value, value.value] = [shown.field, shown.words, textOf(takesNoValue(shown.words) ? '' : shown.operand)];
            value.hidden = takesNoValue(shown.words);
            rows.append(row);
            return row;
        }

        drop(part, focused) {
            const isLast = part.parentElement === this.list && this.list.children.length === 1;
            part.remove();
            if (isLast) {
                this.addAlternative();
            }
            this.more.disabled = false;
            focused?.focus();
            this.write();
        }

        // A field with suggestions, which are asked for when one comes to it; `question` gives their parameters.
        input(className, label, question) {
            const options = element('datalist', { id: `matcher-options-${++made}` });
            const input = element('input', {
                type: 'text', class: className, 'aria-label': label, list: options.id, autocomplete: 'off', spellcheck: 'false', maxlength: 1000,
                onfocus: () => this.suggest(options, question()),
            });
            input.options = options;
            return input;
        }

        async suggest(options, parameters) {
            const project = this.dataset.project || this.closest('form')?.querySelector('[name=project]')?.value;
            if (!parameters) {
                options.replaceChildren();
                return;
            }
            const found = await suggestions(this.dataset.suggestions, { ...(project ? { project } : {}), ...parameters });
            options.replaceChildren(...found.map((one) =>
                element('option', { value: one.value }, one.count === null ? '' : one.count.toLocaleString('en-US'))));
        }
    }

    const define = () => customElements.define('matcher-editor', MatcherEditor);
    // Defined earlier it would be asked to build itself before its text area has been read.
    if (document.readyState === 'loading') {
        document.addEventListener('DOMContentLoaded', define);
    } else {
        define();
    }
})();
