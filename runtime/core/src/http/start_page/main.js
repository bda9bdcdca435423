// The page: it asks the server what it has, and shows it.

/** The most events that the page shows. */
const EVENTS_SHOWN = 100;
const TASK_IDS = 'mcp-tasks';

const client = new McpClient(new URL(document.documentElement.dataset.endpoint.replace(/^\//, ''), document.baseURI));
const offers = { tasks: false, events: false };
let server = { name: 'server', version: '' };

// --- what runs here ---------------------------------------------------------------------------------------------------

async function load() {
  $('problem').replaceChildren();
  let found;
  try {
    found = await client.request('server/discover');
  } catch (error) {
    $('token-form').hidden &&= error.status !== 401 && error.status !== 403;
    $('about').textContent = client.url;
    $('problem').replaceChildren(failure(error));
    if (error.status === 401) $('token').focus();
    return;
  }
  server = found._meta?.[`${META}serverInfo`] ?? server;
  const { capabilities, supportedVersions, instructions } = found;
  offers.tasks = capabilities.extensions?.[TASKS] !== undefined;
  offers.events = Boolean(capabilities.tools?.listChanged || capabilities.prompts?.listChanged || capabilities.resources?.listChanged || capabilities.resources?.subscribe);
  document.title = `${server.title ?? server.name} – MCP server`;
  $('name').textContent = `${server.title ?? server.name} ${server.version}`;
  $('about').replaceChildren('MCP server at ', make('code', {}, client.url), `, for clients of ${supportedVersions.join(', ')}`);
  $('instructions').textContent = instructions ?? '';
  $('tasks').hidden = !offers.tasks;
  connectSection();
  await Promise.all([
    section('tool-list', 'tools', capabilities.tools, listTools),
    section('prompt-list', 'prompts', capabilities.prompts, listPrompts),
    section('resource-list', 'resources', capabilities.resources, listResources),
  ]);
  listen(capabilities);
  restoreTasks();
}

/** Fills a section, or shows why it cannot be filled. */
async function section(list, id, capability, fill) {
  $(id).hidden = capability === undefined;
  if (capability === undefined) return;
  try {
    // What is open stays open when a list has changed.
    const open = new Set(Array.from($(list).querySelectorAll('details[open]'), details => details.dataset.key));
    const items = await fill();
    const kept = new Map(Array.from($(list).querySelectorAll('details'), details => [details.dataset.key, details]));
    $(list).replaceChildren(...items.map(item => (open.has(item.dataset.key) && item.dataset.of === kept.get(item.dataset.key)?.dataset.of ? kept.get(item.dataset.key) : item)));
    if (items.length === 0) $(list).replaceChildren(make('p', { class: 'hint' }, 'None at the moment.'));
  } catch (error) {
    $(list).replaceChildren(failure(error));
  }
}

/** An item that opens, with its content made when it does. */
function item(key, definition, summary, body) {
  const details = make('details', { 'data-key': key, 'data-of': JSON.stringify(definition) }, make('summary', {}, ...summary));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(make('div', { class: 'body' }, ...body()));
  });
  return details;
}

const titled = ({ name, title }) => [make('code', {}, name), title && title !== name ? make('span', { class: 'title' }, title) : undefined];

// --- tools ------------------------------------------------------------------------------------------------------------

async function listTools() {
  const tools = await client.list('tools/list', 'tools');
  return tools.map(tool => item(tool.name, tool, titled(tool), () => [toolHead(tool), ...toolForm(tool)]));
}

function toolHead(tool) {
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = tool.annotations ?? {};
  const badges = [
    readOnlyHint && 'read only',
    readOnlyHint === false && destructiveHint && 'destructive',
    idempotentHint && 'idempotent',
    openWorldHint && 'open world',
  ].filter(Boolean);
  return make('div', {}, make('p', {}, tool.description ?? ''), make('p', {}, ...badges.map(text => make('span', { class: 'badge' }, text))));
}

function toolForm(tool) {
  const output = make('div', { 'aria-live': 'polite' });
  const asTask = make('input', { type: 'checkbox' });
  const button = make('button', { type: 'submit' }, 'Call');
  const stop = make('button', { type: 'button', class: 'quiet', hidden: true }, 'Stop');
  const form = formOf(tool.inputSchema, async values => {
    const ended = new AbortController();
    const bar = make('progress');
    const note = make('p', { class: 'hint' });
    stop.onclick = () => ended.abort();
    button.disabled = true;
    stop.hidden = false;
    output.replaceChildren(bar, note);
    const began = performance.now();
    try {
      const result = await rounds(client, 'tools/call', { name: tool.name, arguments: values }, {
        name: tool.name,
        headers: mirrored(tool.inputSchema, values),
        tasks: asTask.checked,
        progress: true,
        signal: ended.signal,
        notified: message => noted(message, bar, note),
      });
      if (result.resultType === 'task') {
        addTask({ ...result, tool: tool.name });
        output.replaceChildren(make('p', { class: 'outcome' }, `Runs as task ${result.taskId}`));
      } else {
        output.replaceChildren(resultView(result, Math.round(performance.now() - began)));
      }
    } catch (error) {
      output.replaceChildren(ended.signal.aborted ? make('p', { class: 'outcome' }, 'Stopped') : failure(error));
    } finally {
      button.disabled = false;
      stop.hidden = true;
    }
  });
  form.element.setAttribute('aria-label', `call ${tool.name}`);
  const choice = offers.tasks ? make('label', { class: 'check' }, asTask, 'as a task, if the tool can') : undefined;
  form.element.append(make('div', { class: 'actions' }, button, stop, choice));
  return [form.element, output];
}

function noted({ method, params }, bar, note) {
  if (method !== 'notifications/progress') return;
  if (params.total) {
    bar.max = params.total;
    bar.value = params.progress;
  }
  note.textContent = params.message ?? `${params.progress}${params.total ? ` of ${params.total}` : ''}`;
}

// --- prompts and resources --------------------------------------------------------------------------------------------

async function listPrompts() {
  const prompts = await client.list('prompts/list', 'prompts');
  return prompts.map(prompt => item(prompt.name, prompt, titled(prompt), () => {
    const properties = Object.fromEntries((prompt.arguments ?? []).map(argument => [argument.name, { type: 'string', title: argument.title, description: argument.description }]));
    const required = (prompt.arguments ?? []).filter(argument => argument.required).map(argument => argument.name);
    return asked(prompt.description, { properties, required }, 'Get', `get ${prompt.name}`, async values => {
      const result = await rounds(client, 'prompts/get', { name: prompt.name, arguments: values }, { name: prompt.name });
      return result.messages.flatMap(message => [make('p', { class: 'hint' }, message.role), contentOf(message.content)]);
    });
  }));
}

async function listResources() {
  const resources = await client.list('resources/list', 'resources');
  const templates = await client.list('resources/templates/list', 'resourceTemplates');
  const read = async uri => (await rounds(client, 'resources/read', { uri }, { name: uri })).contents.map(resourceOf);
  return [
    ...resources.map(resource => item(resource.uri, resource, titled({ name: resource.uri, title: resource.title ?? resource.name }), () =>
      asked(resource.description, {}, 'Read', `read ${resource.uri}`, () => read(resource.uri)),
    )),
    ...templates.map(template => item(template.uriTemplate, template, titled({ name: template.uriTemplate, title: template.title ?? template.name }), () =>
      asked(template.description, { properties: { uri: { type: 'string', default: template.uriTemplate } }, required: ['uri'] }, 'Read', `read ${template.uriTemplate}`, ({ uri }) => read(uri)),
    )),
  ];
}

/** A form whose output is shown below it. */
function asked(description, schema, verb, label, act) {
  const output = make('div', { 'aria-live': 'polite' });
  const button = make('button', { type: 'submit' }, verb);
  const form = formOf(schema, async values => {
    button.disabled = true;
    try {
      output.replaceChildren(...(await act(values)));
    } catch (error) {
      output.replaceChildren(failure(error));
    } finally {
      button.disabled = false;
    }
  });
  form.element.setAttribute('aria-label', label);
  form.element.append(make('div', { class: 'actions' }, button));
  return [description ? make('p', {}, description) : undefined, form.element, output].filter(Boolean);
}

// --- events -----------------------------------------------------------------------------------------------------------

let listening;
const shown = new Set();

/** Listens for as long as the page is open: a stream that has ended is opened again. */
async function listen(capabilities) {
  listening?.abort();
  if (!offers.events) {
    $('events-state').textContent = 'This server announces no events.';
    return;
  }
  const mine = (listening = new AbortController());
  const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
  if (capabilities.resources?.subscribe) notifications.resourceSubscriptions = ['event://'];
  for (let pause = 1000; !mine.signal.aborted; pause = Math.min(pause * 2, 30_000)) {
    try {
      await client.request('subscriptions/listen', { notifications }, {
        signal: mine.signal,
        notified: message => {
          pause = 1000;
          heard(message);
        },
      });
      $('events-state').textContent = 'Connecting again…';
    } catch (error) {
      if (mine.signal.aborted) return;
      $('events-state').textContent = `Not listening: ${error.message}`;
      if ([-32601, -32602].includes(error.code) || error.status === 401) return;
    }
    await new Promise(resolve => setTimeout(resolve, pause));
  }
}

function heard({ method, params }) {
  switch (method) {
    case 'notifications/subscriptions/acknowledged':
      $('events-state').textContent = 'Listening. Events appear here as they are published.';
      break;
    case 'notifications/resources/updated':
      readEvents(params.uri);
      break;
    case 'notifications/tools/list_changed':
      eventRow('The list of tools has changed');
      section('tool-list', 'tools', {}, listTools);
      break;
    case 'notifications/prompts/list_changed':
      eventRow('The list of prompts has changed');
      section('prompt-list', 'prompts', {}, listPrompts);
      break;
    case 'notifications/resources/list_changed':
      section('resource-list', 'resources', {}, listResources);
      break;
    default:
  }
}

/** Shows the events of a resource that are newer than those that were shown. */
async function readEvents(uri) {
  try {
    const { contents } = await client.request('resources/read', { uri }, { name: uri });
    const { source, type, events } = JSON.parse(contents[0].text);
    const isFirst = !Array.from(shown).some(key => key.startsWith(`${uri} `));
    const fresh = events.filter(entry => !shown.has(`${uri} ${entry.scope ?? ''} ${entry.seq}`));
    for (const entry of fresh) shown.add(`${uri} ${entry.scope ?? ''} ${entry.seq}`);
    // What was in the log before the page was opened is no news.
    for (const { event } of (isFirst ? fresh.slice(0, 1) : fresh).reverse()) eventRow(`${source} ${type}`, event);
  } catch (error) {
    eventRow(`${uri}: ${error.message}`);
  }
}

function eventRow(title, event) {
  const time = event?.timestamp ? new Date(event.timestamp) : new Date();
  const row = make('li', {}, make('time', { class: 'kind', datetime: time.toISOString() }, time.toLocaleTimeString()), ' ', make('strong', {}, title));
  if (event) row.append(block(pretty(event.payload ?? event), title));
  $('event-list').prepend(row);
  while ($('event-list').children.length > EVENTS_SHOWN) $('event-list').lastChild.remove();
}

// --- tasks ------------------------------------------------------------------------------------------------------------

const tasks = new Map();

function addTask(task) {
  if (tasks.has(task.taskId)) return;
  const view = {
    tool: task.tool,
    state: make('span', { role: 'status' }),
    output: make('div'),
    cancel: make('button', { type: 'button', class: 'quiet' }, 'Cancel'),
  };
  tasks.set(task.taskId, view);
  keepTasks();
  const options = { name: task.taskId, tasks: true };
  view.cancel.onclick = () => client.request('tasks/cancel', { taskId: task.taskId }, options).catch(error => view.output.replaceChildren(failure(error)));
  $('task-list').prepend(make('li', {}, make('strong', {}, task.tool), ' ', make('code', {}, task.taskId), make('p', { class: 'hint' }, view.state), view.output, view.cancel));
  follow(task, view, options);
}

/** Asks for the state of a task until it has ended. */
async function follow(task, view, options) {
  let state = task;
  const { taskId } = task;
  const answered = new Set();
  try {
    for (;;) {
      view.state.textContent = [state.status, state.statusMessage].filter(Boolean).join(': ');
      if (state.status === 'input_required') {
        const open = Object.entries(state.inputRequests ?? {}).filter(([key]) => !answered.has(key));
        if (open.length > 0) {
          const inputResponses = await answers(Object.fromEntries(open));
          open.forEach(([key]) => answered.add(key));
          await client.request('tasks/update', { taskId, inputResponses }, options);
        }
      }
      if (!['working', 'input_required', undefined].includes(state.status)) break;
      await new Promise(resolve => setTimeout(resolve, Math.min(Math.max(state.pollIntervalMs ?? 1000, 250), 10_000)));
      state = await client.request('tasks/get', { taskId }, options);
    }
    if (state.result) view.output.replaceChildren(resultView(state.result));
    if (state.error) view.output.replaceChildren(failure(new McpError(state.error.message, state.error.code, 200)));
  } catch (error) {
    view.output.replaceChildren(failure(error));
    tasks.delete(taskId);
    keepTasks();
  }
  view.cancel.remove();
}

/** The ids outlive a reload of the page. The tasks themselves are the server's. */
function keepTasks() {
  sessionStorage.setItem(TASK_IDS, JSON.stringify(Array.from(tasks, ([taskId, { tool }]) => ({ taskId, tool }))));
}

function restoreTasks() {
  if (!offers.tasks) return;
  for (const task of JSON.parse(sessionStorage.getItem(TASK_IDS) ?? '[]')) addTask(task);
}

// --- configurations of clients ----------------------------------------------------------------------------------------

/** The configuration of each client: how it reaches this server. */
function configurations() {
  const name = server.name.replace(/[^A-Za-z0-9_-]+/g, '-') || 'server';
  const { url } = client;
  const headers = $('token-form').hidden ? {} : { headers: { Authorization: 'Bearer YOUR_TOKEN' } };
  const header = $('token-form').hidden ? '' : ' --header "Authorization: Bearer YOUR_TOKEN"';
  return [
    ['Claude Code', 'Type this in a terminal, in the folder of your project.', `claude mcp add --transport http ${name} ${url}${header}`],
    ['Claude Desktop', 'claude_desktop_config.json (Settings, Developer, Edit Config). mcp-lambda is the client of this project: docs/client.md.',
      pretty({ mcpServers: { [name]: { command: 'mcp-lambda', args: ['proxy', url] } } })],
    ['Cursor', '.cursor/mcp.json in your project, or ~/.cursor/mcp.json.', pretty({ mcpServers: { [name]: { url, ...headers } } })],
    ['VS Code', '.vscode/mcp.json in your project.', pretty({ servers: { [name]: { type: 'http', url, ...headers } } })],
    ['MCP Inspector', 'Type this in a terminal. It needs Node.js 22.19 or newer.', `npx @modelcontextprotocol/inspector --cli ${url} --method tools/list${header}`],
  ];
}

function connectSection() {
  const select = $('client');
  const all = configurations();
  const chosen = Math.max(select.selectedIndex, 0);
  select.replaceChildren(...all.map(([name], index) => make('option', { selected: index === chosen }, name)));
  const show = () => {
    const [, hint, text] = all[select.selectedIndex];
    $('client-hint').textContent = hint;
    $('client-config').textContent = text;
    $('copied').textContent = '';
  };
  select.onchange = show;
  show();
}

$('copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText($('client-config').textContent);
    $('copied').textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren($('client-config'));
    $('copied').textContent = 'Selected: copy it with the keyboard';
  }
});

$('token-form').addEventListener('submit', event => {
  event.preventDefault();
  client.token = $('token').value;
  load();
});

load();
