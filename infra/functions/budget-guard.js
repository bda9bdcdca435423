// Stops the functions of a server when a budget is spent: no environment may run any more. A notification of SNS invokes it.

const REQUEST_MS = 10_000;

exports.handler = async event => {
  const { AWS_REGION: region, URL_SUFFIX: suffix, LAMBDA_URL: url, FUNCTIONS: functions } = process.env;
  const message = event.Records?.[0]?.Sns?.Subject ?? 'a notification';
  for (const name of functions.split(',')) {
    await stop(url ?? `https://lambda.${region}.${suffix}`, region, name);
    const text = `${name} is stopped after ${message}: its reserved concurrency is 0; a deployment, or delete-function-concurrency, starts it again`;
    console.log(JSON.stringify({ level: 'WARN', message: text }));
  }
};

async function stop(endpoint, region, name) {
  const request = {
    method: 'PUT',
    url: `${endpoint}/2017-10-31/functions/${encodeURIComponent(name)}/concurrency`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ReservedConcurrentExecutions: 0 }),
  };
  const headers = signed(request, { service: 'lambda', region }, process.env);
  const { method, url, body } = request;
  const response = await fetch(url, { method, body, headers, signal: AbortSignal.timeout(REQUEST_MS) });
  if (!response.ok) throw new Error(`${name} is not stopped: status ${response.status} ${await response.text()}`);
}
