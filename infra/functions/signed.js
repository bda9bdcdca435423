// Requests that are signed with the credentials of the function (AWS Signature Version 4). It is put before the code of the
// functions beside it, which have no files of their own.
'use strict';
const crypto = require('node:crypto');

const hash = data => crypto.createHash('sha256').update(data).digest('hex');
const hmac = (key, data) => crypto.createHmac('sha256', key).update(data).digest();

/**
 * The headers of a request with its signature. `names` are { service, region }, `credentials` the variables of a function.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
function signed({ method, url, headers, body }, { service, region }, credentials, now = new Date()) {
  const { host, pathname, searchParams } = new URL(url);
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const all = {
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    host,
    'x-amz-content-sha256': hash(body),
    'x-amz-date': time,
    ...(credentials.AWS_SESSION_TOKEN && { 'x-amz-security-token': credentials.AWS_SESSION_TOKEN }),
  };
  const names = Object.keys(all).sort();
  searchParams.sort();
  const path = pathname.split('/').map(encodeURIComponent).join('/');
  const request = [
    method,
    path,
    searchParams.toString(),
    ...names.map(name => `${name}:${all[name].trim()}`),
    '',
    names.join(';'),
    hash(body),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, hash(request)].join('\n');
  const key = scope.split('/').reduce(hmac, `AWS4${credentials.AWS_SECRET_ACCESS_KEY}`);
  const signature = crypto.createHmac('sha256', key).update(text).digest('hex');
  const { host: _, ...sent } = all;
  const credential = `${credentials.AWS_ACCESS_KEY_ID}/${scope}`;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}
