// Rotates a secret that is one generated text: a key. Secrets Manager invokes it with each step.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html (read 2026-11-28)

const REQUEST_MS = 10_000;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 64;

exports.handler = async ({ SecretId: id, ClientRequestToken: token, Step: step }) => {
  const { VersionIdsToStages: versions, RotationEnabled: enabled } = await call('DescribeSecret', { SecretId: id });
  if (!enabled) throw new Error(`${id} is not enabled for rotation`);
  const stages = versions[token];
  if (!stages) throw new Error(`${id} has no version ${token} to rotate to`);
  if (stages.includes('AWSCURRENT')) return;
  if (!stages.includes('AWSPENDING')) throw new Error(`version ${token} of ${id} is not AWSPENDING`);
  // The key is known to no other system: there is nothing to set and nothing to test.
  if (step === 'createSecret') await create(id, token);
  if (step === 'finishSecret') await finish(id, token, versions);
};

async function create(id, token) {
  const pending = { SecretId: id, VersionId: token, VersionStage: 'AWSPENDING' };
  // A step that is repeated finds the key of its first time.
  if (await call('GetSecretValue', pending, 'ResourceNotFoundException')) return;
  const key = Array.from({ length: LENGTH }, () => LETTERS[crypto.randomInt(LETTERS.length)]).join('');
  await call('PutSecretValue', {
    SecretId: id,
    ClientRequestToken: token,
    SecretString: key,
    VersionStages: ['AWSPENDING'],
  });
}

async function finish(id, token, versions) {
  const current = Object.keys(versions).find(version => versions[version].includes('AWSCURRENT'));
  await call('UpdateSecretVersionStage', {
    SecretId: id,
    VersionStage: 'AWSCURRENT',
    MoveToVersionId: token,
    RemoveFromVersionId: current,
  });
  console.log(JSON.stringify({ level: 'INFO', message: `${id} is rotated: version ${token} is current` }));
}

/** The response of an action, or none if it fails with the error that is expected. */
async function call(action, input, expected) {
  const { AWS_REGION: region, URL_SUFFIX: suffix, SECRETS_MANAGER_URL: own } = process.env;
  const url = own ?? `https://secretsmanager.${region}.${suffix}/`;
  const target = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `secretsmanager.${action}` };
  const body = JSON.stringify(input);
  const request = { method: 'POST', url, headers: target, body };
  const headers = signed(request, { service: 'secretsmanager', region }, process.env);
  const response = await fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(REQUEST_MS) });
  const output = await response.json().catch(() => ({}));
  if (response.ok) return output;
  const code = String(output.__type).split('#').pop();
  if (code === expected) return undefined;
  // The output of a failure has no secret, but a message about it.
  throw new Error(`${action} of ${input.SecretId} failed: status ${response.status} ${code}: ${output.message ?? output.Message ?? ''}`);
}
