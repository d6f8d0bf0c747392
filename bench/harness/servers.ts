/** Servers that cost so little that the client is what is measured. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandLine, has, pinned, SERVER_CORE, type Server, script, sleep, startServer } from './processes.js';

const PROGRAM = fileURLToPath(new URL('../../bin/infer-bench.js', import.meta.url));

/** An answer of 99 bytes that is right for tf-serving-rest. */
const ANSWER = JSON.stringify({ predictions: [[0.01, 0.02, 0.03, 0.9, 0.01, 0.01, 0.01, 0.005, 0.003, 0.002]] }).padEnd(
  99,
);

/** Answers every request but those for metadata with the same JSON: nginx with one worker where it is there, else a few lines of node:net. */
export async function startFixedServer(directory: string): Promise<Server> {
  if (!has('nginx', ['-v'])) {
    const line = script(new URL('../servers/fixed.ts', import.meta.url), ANSWER);
    return startServer('node:net', pinned(SERVER_CORE, line));
  }
  const port = await freePort();
  const file = (name: string) => join(directory, name);
  writeFileSync(
    file('nginx.conf'),
    `daemon off; worker_processes 1; worker_rlimit_nofile 16384; pid ${file('nginx.pid')};
events { worker_connections 16000; }
http {
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k; tcp_nodelay on;
  client_body_temp_path ${file('body')}; proxy_temp_path ${file('proxy')}; fastcgi_temp_path ${file('fastcgi')};
  uwsgi_temp_path ${file('uwsgi')}; scgi_temp_path ${file('scgi')}; default_type application/json;
  server { listen 127.0.0.1:${port}; location / { return 200 '${ANSWER}'; }
    location ~ /metadata$ { return 404; } }
}
`,
  );
  const log = file('error.log');
  const line = pinned(SERVER_CORE, ['nginx', '-c', file('nginx.conf'), '-p', directory, '-e', log]);
  const server = await startServer('nginx', line, port);
  if (!(await listens(port))) {
    throw new Error(`nginx does not listen: ${readFileSync(log, 'utf8')}`);
  }
  return server;
}

/** The program's own server. */
export async function startEmbeddedServer(kind: string, flags: readonly string[]): Promise<Server> {
  const port = await freePort();
  const line: CommandLine = [process.execPath, PROGRAM, 'serve', kind, '--port', String(port), '--quiet', ...flags];
  const server = await startServer(`infer-bench serve ${kind}`, pinned(SERVER_CORE, line), port);
  if (!(await listens(port))) {
    throw new Error(`infer-bench serve ${kind} does not listen`);
  }
  return server;
}

/** Whether a port accepts connections within a few seconds. */
async function listens(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 250; attempt++) {
    if (await accepts(port)) {
      return true;
    }
    await sleep(20);
  }
  return false;
}

async function accepts(port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** When requests came to an arrival server, CLOCK_MONOTONIC ns, each in ascending order. */
export interface Arrivals {
  /** To its kernel; the same as `seenNs` where the server cannot tell. */
  readonly receivedNs: BigInt64Array;
  /** To its code: what it took to wake up included. */
  readonly seenNs: BigInt64Array;
}

/** Logs when each request came: by the kernel's time of receipt with Python, else by Node's own clock. */
export function startArrivalServer(log: string): Promise<Server> {
  const line: CommandLine = has('python3')
    ? ['python3', fileURLToPath(new URL('../servers/arrivals.py', import.meta.url)), log]
    : script(new URL('../servers/arrivals.ts', import.meta.url), log);
  return startServer(`arrivals (${line[0] === 'python3' ? "kernel's time" : 'own time'})`, pinned(SERVER_CORE, line));
}

/** Reads the log of an arrival server that has ended. */
export function readArrivals(log: string): Arrivals {
  const numbers = new BigInt64Array(Uint8Array.from(readFileSync(log)).buffer);
  const each = (offset: number) =>
    BigInt64Array.from({ length: numbers.length / 2 }, (_, index) => numbers[index * 2 + offset] as bigint).sort();
  return { receivedNs: each(0), seenNs: each(1) };
}

/** A server that reads everything and never answers, over HTTP and gRPC. */
export function startSilentServer(): Promise<Server> {
  return startServer('silent', pinned(SERVER_CORE, script(new URL('../servers/silent.ts', import.meta.url))));
}

/** A server of gRPC over HTTP/2 frames, as fast as Node goes. */
export function startGrpcServer(): Promise<Server> {
  return startServer('node:net, HTTP/2', pinned(SERVER_CORE, script(new URL('../servers/grpc.ts', import.meta.url))));
}

/** The golden server in a mode, with its truth log. */
export function startGoldenServer(mode: object, truthLog: string): Promise<Server> {
  const line = script(new URL('../../test/support/golden-server.ts', import.meta.url), JSON.stringify(mode), truthLog);
  return startServer('golden', pinned(SERVER_CORE, line));
}
