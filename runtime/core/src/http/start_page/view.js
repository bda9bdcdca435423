// What the page shows of results, and how it asks what the server asks.

const $ = id => document.getElementById(id);

const pretty = value => JSON.stringify(value, null, 2);

function block(text, label) {
  return make('pre', { tabindex: 0, 'aria-label': label }, text);
}

/** The text of an error, with its code. */
function failure(error) {
  const code = error instanceof McpError && error.code ? ` (${error.code})` : '';
  return make('p', { class: 'error', role: 'alert' }, `${error.message}${code}`);
}

/** One item of content, of a result or of a message of a prompt. */
function contentOf(item) {
  switch (item.type) {
    case 'text':
      return block(item.text, 'text');
    case 'image':
      return make('img', { src: `data:${item.mimeType};base64,${item.data}`, alt: `image of type ${item.mimeType}` });
    case 'audio':
      return make('audio', { controls: true, src: `data:${item.mimeType};base64,${item.data}` });
    case 'resource_link':
      return make('p', {}, 'resource: ', make('code', {}, item.uri), item.description ? ` ${item.description}` : '');
    case 'resource':
      return resourceOf(item.resource);
    default:
      return block(pretty(item), 'content');
  }
}

function resourceOf(contents) {
  const head = make('p', { class: 'hint' }, make('code', {}, contents.uri), contents.mimeType ? ` ${contents.mimeType}` : '');
  if (contents.text === undefined) return make('div', {}, head, make('p', {}, `${contents.blob?.length ?? 0} characters of base64`));
  return make('div', {}, head, block(indented(contents.text, contents.mimeType), contents.uri));
}

function indented(text, type) {
  if (!type?.includes('json')) return text;
  try {
    return pretty(JSON.parse(text));
  } catch {
    return text;
  }
}

/** The result of a tool. */
function resultView(result, milliseconds) {
  const view = make('div', { class: result.isError ? 'result failed' : 'result' });
  const time = milliseconds === undefined ? '' : ` after ${milliseconds} ms`;
  view.append(make('p', { class: 'outcome' }, result.isError ? `The tool reports an error${time}` : `Done${time}`));
  const { content = [], structuredContent } = result;
  // The text of the structured content is shown once, and indented.
  view.append(...content.filter(item => !isSame(item, structuredContent)).map(contentOf));
  if (structuredContent !== undefined) view.append(block(pretty(structuredContent), 'structured content'));
  return view;
}

/** Whether an item of content is the text of a value. */
function isSame(item, value) {
  if (value === undefined || item.type !== 'text') return false;
  try {
    return JSON.stringify(JSON.parse(item.text)) === JSON.stringify(value);
  } catch {
    return false;
  }
}

/** Asks the person at the page what the server asks, in a dialog. Returns the result for the server. */
function ask(request) {
  if (request.method !== 'elicitation/create') {
    throw new McpError(`The server asks for ${request.method}, which this page cannot answer.`, 0, 200);
  }
  const { message, mode, url, requestedSchema } = request.params;
  return new Promise(resolve => {
    const close = result => {
      dialog.close();
      dialog.remove();
      resolve(result);
    };
    const form = mode === 'url' ? linkForm(url, () => close({ action: 'accept' })) : formOf(requestedSchema, content => close({ action: 'accept', content })).element;
    form.append(
      make('div', { class: 'actions' },
        make('button', { type: 'submit' }, mode === 'url' ? 'Done' : 'Send'),
        make('button', { type: 'button', class: 'quiet', onclick: () => close({ action: 'decline' }) }, 'Decline'),
        make('button', { type: 'button', class: 'quiet', onclick: () => close({ action: 'cancel' }) }, 'Cancel'),
      ),
    );
    const id = `question-${++fields}`;
    const dialog = make('dialog', { 'aria-labelledby': id }, make('h2', { id }, 'The server asks'), make('p', {}, message), form);
    dialog.addEventListener('cancel', event => {
      event.preventDefault();
      close({ action: 'cancel' });
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A question that is answered on another page: only http and https are linked, and the whole address is shown. */
function linkForm(address, done) {
  const form = make('form', { class: 'fields' });
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  const isWeb = parsed && ['http:', 'https:'].includes(parsed.protocol);
  form.append(isWeb
    ? make('p', {}, make('a', { href: parsed.href, target: '_blank', rel: 'noopener noreferrer' }, parsed.href), ` on ${parsed.host}`)
    : make('p', { class: 'error' }, `This page does not open ${address}`));
  form.addEventListener('submit', event => {
    event.preventDefault();
    done();
  });
  return form;
}

/** The answers to all questions of a result, one after the other. */
async function answers(inputRequests) {
  const all = {};
  for (const [key, request] of Object.entries(inputRequests ?? {})) all[key] = await ask(request);
  return all;
}

/** Sends a request until the server needs no more input, 20 times at most. */
async function rounds(client, method, params, options) {
  let sent = params;
  for (let round = 0; round < 20; round += 1) {
    const result = await client.request(method, sent, options);
    if (result.resultType !== 'input_required') return result;
    sent = { ...params, inputResponses: await answers(result.inputRequests) };
    if (result.requestState !== undefined) sent.requestState = result.requestState;
  }
  throw new McpError('The server has asked 20 times without a result.', 0, 200);
}
