// Runs a server in several processes, and passes each request to the next one of them: node processes.mjs PORT PROCESSES PROGRAM
// The processes share the store that MCP_STORE names. SIGTERM ends all of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, createServer as createListener } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, count, program] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const READY_WITHIN_MS = 20_000;

const freePort = async () => {
  const listener = createListener().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
};

const accepts = port =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });

const children = [];
const end = code => {
  for (const { child } of children) child.kill('SIGTERM');
  process.exit(code);
};
process.on('SIGTERM', () => end(0));
process.on('SIGINT', () => end(130));

for (let at = 0; at < count; at += 1) {
  const port = await freePort();
  const child = spawn(program, { env: { ...process.env, MCP_LISTEN: `127.0.0.1:${port}` }, stdio: ['ignore', 'inherit', 'inherit'] });
  child.on('exit', code => {
    console.error(`process ${at} has ended with ${code}`);
    end(1);
  });
  children.push({ child, port });
}
const deadline = Date.now() + READY_WITHIN_MS;
for (const { port } of children) {
  while (!(await accepts(port))) {
    if (Date.now() > deadline) {
      console.error(`no process listens on 127.0.0.1:${port}`);
      end(1);
    }
    await sleep(20);
  }
}

let next = 0;
const front = createServer((incoming, outgoing) => {
  const { port } = children[next++ % children.length];
  const { method, url: path, headers } = incoming;
  const passed = request({ host: '127.0.0.1', port, method, path, headers }, response => {
    outgoing.writeHead(response.statusCode, response.headers);
    outgoing.flushHeaders();
    response.pipe(outgoing);
    response.on('error', () => outgoing.destroy());
  });
  passed.on('error', () => outgoing.destroy());
  // A client that leaves is seen by the process that serves it.
  outgoing.on('close', () => passed.destroy());
  incoming.pipe(passed);
});
front.listen(port, '127.0.0.1');
