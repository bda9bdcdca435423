// Checks a server that was just deployed, as a custom resource: a failure fails the deployment, with its reason.

/** Responses that are answered differently a moment later: a permission that is not known everywhere yet, a cold start. */
const AGAIN = new Set([403, 429, 500, 502, 503, 504]);
const PAUSE_MS = 2_000;
const REQUEST_MS = 30_000;
const LONGEST_REASON = 900;
const VERSION = '2025-11-25';

exports.handler = async event => {
  let answer = { Status: 'SUCCESS' };
  try {
    if (event.RequestType !== 'Delete') await check(event.ResourceProperties, process.env);
  } catch (error) {
    answer = { Status: 'FAILED', Reason: reasonOf(error) };
  }
  console.log(JSON.stringify({ level: answer.Status === 'FAILED' ? 'ERROR' : 'INFO', message: answer.Reason ?? 'checked' }));
  await respond(event, answer);
};

/** Fails unless the server does what the properties say. */
async function check(properties, variables) {
  const { url, tools = [], tool, toolArguments, expectsRefusal } = properties;
  const deadline = Date.now() + Number(properties.seconds) * 1000;
  const caller = await callerOf(properties, variables);
  if (expectsRefusal === 'true') return expectRefusal(url, deadline);
  const connection = { url, caller, deadline, headers: {} };
  const { result: server, response } = await ask(connection, 'initialize', {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: 'mcp-lambda-server-check', version: '1.0.0' },
  });
  connection.headers['mcp-protocol-version'] = server.protocolVersion;
  const session = response.headers.get('mcp-session-id');
  if (session) connection.headers['mcp-session-id'] = session;
  try {
    await tell(connection, 'notifications/initialized');
    const listed = await listTools(connection);
    for (const name of tools) if (!listed.has(name)) fail(`tools/list has no tool ${name}; it has ${[...listed.keys()].join(', ')}`);
    if (tool) await callTool(connection, listed.get(tool), tool, JSON.parse(toolArguments));
  } finally {
    if (session) await send(connection, 'DELETE', undefined).catch(() => undefined);
  }
}

async function callTool(connection, listed, name, args) {
  if (!listed) fail(`tools/list has no tool ${name}`);
  if (listed.annotations?.readOnlyHint !== true) fail(`the tool ${name} does not say readOnlyHint: true, and is not called`);
  const { result } = await ask(connection, 'tools/call', { name, arguments: args });
  if (result.isError) fail(`tools/call ${name} has failed: ${JSON.stringify(result.content)}`);
}

/** All tools by name. */
async function listTools(connection) {
  const listed = new Map();
  let cursor;
  do {
    const { result } = await ask(connection, 'tools/list', cursor === undefined ? {} : { cursor });
    for (const tool of result.tools ?? []) listed.set(tool.name, tool);
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return listed;
}

/** Without a token only the refusal can be checked: the server is there, and lets nobody in. */
async function expectRefusal(url, deadline) {
  const connection = { url, caller: async () => ({}), deadline, headers: {} };
  const response = await retried(connection, () => send(connection, 'POST', { jsonrpc: '2.0', id: 1, method: 'tools/list' }));
  if (response.status !== 401) fail(`a request without a token must be answered with 401, got: ${response.status}`);
}

/** What signs a request, or adds a token to it. */
async function callerOf({ signingName, tokenSecret }, variables) {
  if (tokenSecret) {
    const token = await secretOf(tokenSecret, variables);
    return async () => ({ authorization: `Bearer ${token}` });
  }
  if (!signingName) return async () => ({});
  const names = { service: signingName, region: variables.AWS_REGION };
  return async request => signed(request, names, variables);
}

async function secretOf(id, variables) {
  const region = variables.AWS_REGION;
  const request = {
    method: 'POST',
    url: variables.SECRETS_MANAGER_URL ?? `https://secretsmanager.${region}.${variables.URL_SUFFIX}/`,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
    body: JSON.stringify({ SecretId: id }),
  };
  const headers = signed(request, { service: 'secretsmanager', region }, variables);
  const response = await fetch(request.url, { ...request, headers, signal: AbortSignal.timeout(REQUEST_MS) });
  if (!response.ok) fail(`the token cannot be read from the secret: status ${response.status}`);
  return (await response.json()).SecretString.trim();
}

/** The result of a request, or a failure. */
async function ask(connection, method, params) {
  const response = await retried(connection, () => send(connection, 'POST', { jsonrpc: '2.0', id: 1, method, params }));
  const text = await response.text();
  if (!response.ok) fail(`${method} is answered with status ${response.status}: ${text}`);
  const message = messagesOf(response, text).find(it => it.id === 1);
  if (!message) fail(`${method} has no response in: ${text}`);
  if (message.error) fail(`${method} has failed: ${message.error.code} ${message.error.message}`);
  return { result: message.result, response };
}

async function tell(connection, method) {
  const response = await send(connection, 'POST', { jsonrpc: '2.0', method });
  if (!response.ok) fail(`${method} is answered with status ${response.status}`);
}

function messagesOf(response, text) {
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return [JSON.parse(text)];
  const events = text.split(/\r?\n\r?\n/).map(event => event.split(/\r?\n/).filter(line => line.startsWith('data:')));
  const data = events.map(lines => lines.map(line => line.slice(5).trim()).join('\n')).filter(it => it !== '');
  return data.map(it => JSON.parse(it));
}

/** Repeats a request until its response is final or the deadline is near. */
async function retried({ deadline }, request) {
  for (;;) {
    const outcome = await request().catch(error => error);
    const isFinal = !(outcome instanceof Error) && !AGAIN.has(outcome.status);
    if (isFinal) return outcome;
    if (Date.now() + PAUSE_MS > deadline) {
      if (outcome instanceof Error) fail(`the endpoint cannot be reached: ${outcome.cause?.message ?? outcome.message}`);
      return outcome;
    }
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
  }
}

async function send({ url, caller, headers, deadline }, method, message) {
  const body = message === undefined ? '' : JSON.stringify(message);
  const accept = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
  const request = { method, url, headers: { ...accept, ...headers }, body };
  // Lambda expects the hash from CloudFront that signs, also of a caller that does not.
  const all = { ...request.headers, 'x-amz-content-sha256': hash(body), ...(await caller(request)) };
  const left = Math.max(1, Math.min(REQUEST_MS, deadline - Date.now()));
  return fetch(url, { method, headers: all, ...(body && { body }), signal: AbortSignal.timeout(left) });
}

/** CloudFormation waits for this. */
async function respond(event, answer) {
  const { StackId, RequestId, LogicalResourceId } = event;
  const PhysicalResourceId = event.PhysicalResourceId ?? LogicalResourceId;
  const body = JSON.stringify({ ...answer, StackId, RequestId, LogicalResourceId, PhysicalResourceId });
  const response = await fetch(event.ResponseURL, { method: 'PUT', body, signal: AbortSignal.timeout(REQUEST_MS) });
  if (!response.ok) throw new Error(`CloudFormation does not take the result: status ${response.status}`);
}

function reasonOf(error) {
  const text = `The deployed server has failed its check: ${error.message}`;
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}...` : text;
}

function fail(reason) {
  throw new Error(reason);
}
