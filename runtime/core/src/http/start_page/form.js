// Forms from JSON Schemas: arguments of tools, and questions of the server.

let fields = 0;

/** Makes an element. Attributes that are undefined or false are left out; text is never read as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== false && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter(child => child !== undefined && child !== null));
  return element;
}

/** A form for an object of a JSON Schema. `read` returns the object; the form is valid then. */
function formOf(schema, submit) {
  const root = schema ?? {};
  const required = new Set(root.required ?? []);
  const inputs = Object.entries(root.properties ?? {}).map(([name, property]) =>
    fieldOf(name, resolved(property, root), required.has(name)),
  );
  const element = make('form', { class: 'fields' }, ...inputs.map(input => input.element));
  element.addEventListener('submit', event => {
    event.preventDefault();
    submit(read());
  });
  function read() {
    const values = {};
    for (const input of inputs) {
      const value = input.read();
      if (value !== undefined) values[input.name] = value;
    }
    return values;
  }
  return { element, inputs, read };
}

/** A schema without what only refers to another one, and without `null` beside another type. */
function resolved(schema, root, depth = 0) {
  if (typeof schema !== 'object' || schema === null || depth > 8) return {};
  const { $ref, anyOf, allOf, ...own } = schema;
  if (typeof $ref === 'string' && $ref.startsWith('#/')) {
    const parts = $ref.slice(2).split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const target = parts.reduce((value, part) => value?.[part], root);
    return { ...resolved(target, root, depth + 1), ...own };
  }
  const choices = anyOf?.filter(choice => choice?.type !== 'null');
  if (choices?.length === 1) return { ...resolved(choices[0], root, depth + 1), ...own };
  if (allOf?.length === 1) return { ...resolved(allOf[0], root, depth + 1), ...own };
  if (Array.isArray(own.type)) {
    const types = own.type.filter(type => type !== 'null');
    own.type = types.length === 1 ? types[0] : undefined;
  }
  return choices ? { ...own, anyOf: choices } : own;
}

/** The choices of a schema that lists its values, with their titles. */
function choicesOf(schema) {
  if (Array.isArray(schema.enum)) {
    return schema.enum.filter(value => value !== null).map((value, index) => ({ value, title: schema.enumNames?.[index] ?? String(value) }));
  }
  const titled = schema.oneOf ?? schema.anyOf;
  if (titled?.length && titled.every(choice => choice && 'const' in choice)) {
    return titled.map(choice => ({ value: choice.const, title: choice.title ?? String(choice.const) }));
  }
  return undefined;
}

/** One labelled input. `read` returns its value, undefined if it is left out. */
function fieldOf(name, schema, isRequired) {
  const id = `field-${++fields}`;
  const hint = schema.description ?? '';
  const { control, read, kind } = controlOf(schema, isRequired, { id, name, 'aria-describedby': hint ? `${id}-hint` : undefined });
  const title = schema.title && schema.title !== name ? `${schema.title} ` : '';
  const label = make('label', { for: id }, title, make('code', {}, name), make('span', { class: 'kind' }, ` ${kind}${isRequired ? ', required' : ''}`));
  const isSwitch = control.type === 'checkbox';
  const element = make('div', { class: isSwitch ? 'field switch' : 'field' }, label, hint ? make('p', { id: `${id}-hint`, class: 'hint' }, hint) : undefined, control);
  return { name, element, read };
}

function controlOf(schema, isRequired, attributes) {
  const choices = choicesOf(schema);
  if (choices) return selectOf(choices, schema.default, isRequired, attributes);
  const ofItems = schema.type === 'array' && schema.items ? choicesOf(schema.items) : undefined;
  if (ofItems) return severalOf(ofItems, schema, attributes);
  switch (schema.type) {
    case 'boolean': {
      if (isRequired || schema.default !== undefined) {
        const control = make('input', { type: 'checkbox', checked: schema.default === true, ...attributes });
        return { control, kind: 'yes or no', read: () => control.checked };
      }
      const yesOrNo = [{ value: true, title: 'true' }, { value: false, title: 'false' }];
      return { ...selectOf(yesOrNo, undefined, false, attributes), kind: 'yes or no' };
    }
    case 'integer':
    case 'number':
      return numberOf(schema, isRequired, attributes);
    case 'string':
      return textOf(schema, isRequired, attributes);
    default:
      return jsonOf(schema, isRequired, attributes);
  }
}

function selectOf(choices, chosen, isRequired, attributes) {
  const control = make('select', { required: isRequired, ...attributes });
  if (!isRequired || chosen === undefined) control.append(make('option', { value: '' }, isRequired ? 'choose' : 'left out'));
  choices.forEach(({ value, title }, index) => {
    control.append(make('option', { value: String(index), selected: value === chosen }, title));
  });
  return { control, kind: 'one of', read: () => (control.value === '' ? undefined : choices[Number(control.value)].value) };
}

function severalOf(choices, schema, attributes) {
  const chosen = new Set(schema.default ?? []);
  const control = make('select', { multiple: true, size: Math.min(choices.length, 6), ...attributes });
  choices.forEach(({ value, title }, index) => {
    control.append(make('option', { value: String(index), selected: chosen.has(value) }, title));
  });
  const check = () => {
    const count = control.selectedOptions.length;
    const isFewer = count < (schema.minItems ?? 0);
    control.setCustomValidity(isFewer || count > (schema.maxItems ?? Infinity) ? `Choose ${schema.minItems ?? 0} to ${schema.maxItems ?? choices.length}.` : '');
  };
  control.addEventListener('change', check);
  check();
  return { control, kind: 'some of', read: () => Array.from(control.selectedOptions, option => choices[Number(option.value)].value) };
}

function numberOf(schema, isRequired, attributes) {
  const isInteger = schema.type === 'integer';
  const control = make('input', {
    type: 'number',
    step: schema.multipleOf ?? (isInteger ? 1 : 'any'),
    min: schema.minimum ?? (isInteger && schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : undefined),
    max: schema.maximum ?? (isInteger && schema.exclusiveMaximum !== undefined ? schema.exclusiveMaximum - 1 : undefined),
    value: schema.default ?? undefined,
    required: isRequired,
    ...attributes,
  });
  const range = [schema.minimum, schema.maximum].some(bound => bound !== undefined) ? ` ${schema.minimum ?? '…'} to ${schema.maximum ?? '…'}` : '';
  const read = () => (control.value === '' ? undefined : Number(control.value));
  return { control, kind: `${isInteger ? 'whole number' : 'number'}${range}`, read };
}

const INPUT_TYPES = { email: 'email', uri: 'url', date: 'date' };

function textOf(schema, isRequired, attributes) {
  const control = make('input', {
    type: INPUT_TYPES[schema.format] ?? 'text',
    minlength: schema.minLength,
    maxlength: schema.maxLength,
    value: schema.default ?? undefined,
    placeholder: schema.format === 'date-time' ? '2026-11-28T10:00:00Z' : undefined,
    required: isRequired,
    autocomplete: 'off',
    spellcheck: 'false',
    ...attributes,
  });
  const check = () => control.setCustomValidity(matches(schema.pattern, control.value) ? '' : `Must match ${schema.pattern}`);
  control.addEventListener('input', check);
  check();
  return { control, kind: schema.format ?? 'text', read: () => (control.value === '' && !isRequired ? undefined : control.value) };
}

/** A pattern that this browser cannot read is left to the server. */
function matches(pattern, text) {
  if (!pattern || text === '') return true;
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true;
  }
}

/** Arrays, objects and schemas that allow several types: JSON. */
function jsonOf(schema, isRequired, attributes) {
  const kind = schema.type ?? 'any';
  const text = schema.default === undefined ? '' : JSON.stringify(schema.default, null, 2);
  const example = { array: '[]', object: '{}' }[kind] ?? '"text", 1, true, [] or {}';
  const control = make('textarea', { rows: 3, placeholder: example, required: isRequired, spellcheck: 'false', ...attributes }, text);
  const parse = () => (control.value.trim() === '' ? undefined : JSON.parse(control.value));
  const check = () => {
    let problem = '';
    try {
      const value = parse();
      if (value !== undefined && kind === 'array' && !Array.isArray(value)) problem = 'Must be a JSON array, such as ["a", "b"].';
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (value !== undefined && kind === 'object' && !isObject) problem = 'Must be a JSON object, such as {"a": 1}.';
    } catch (error) {
      problem = `Must be JSON: ${error.message}`;
    }
    control.setCustomValidity(problem);
  };
  control.addEventListener('input', check);
  check();
  return { control, kind: `JSON${kind === 'any' ? '' : `, ${kind}`}`, read: parse };
}
