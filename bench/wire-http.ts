/**
 * What the HTTP wire lane costs next to wrk: the same request over 64 connections in a closed loop, nothing recorded.
 * Rounds in turn, CPU time as the operating system counts it, ratios only within a round.
 *
 *     npx tsx bench/wire-http.ts [rounds] [seconds]
 *
 * Uses nginx, wrk and taskset where they are on PATH: nginx with one worker on core 0, the clients on core 1.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/clock.js';
import type { WireRequest } from '../src/protocols/protocol.js';
import type { Completion, Slip } from '../src/transports/transport.js';
import { createWireHttpTransport } from '../src/transports/wire-http.js';

const CONNECTIONS = 64;
const WARM_UP_US = 700_000;
const ANSWER = JSON.stringify({ predictions: [[0.01, 0.02, 0.03, 0.9, 0.01, 0.01, 0.01, 0.005, 0.003, 0.002]] }).padEnd(
  99,
);
const BODIES = {
  '7 KB': JSON.stringify({ instances: [Array.from({ length: 784 }, (_, pixel) => ((pixel * 37) % 256) / 256)] }),
  '100 B': JSON.stringify({ text: 'x'.repeat(89) }),
} as const;

type BodyName = keyof typeof BODIES;

interface Figure {
  readonly perS: number;
  readonly cpuUs: number;
}

const [role, ...words] = process.argv.slice(2);
if (role === 'server') {
  serveFixed();
} else if (role === 'lane') {
  await driveLane(Number(words[0]), words[1] as BodyName, Number(words[2]));
} else {
  // wrk takes whole seconds.
  await compare(Number(role ?? 5), Math.ceil(Number(words[0] ?? 3)));
}

/** The server where there is no nginx. */
function serveFixed(): void {
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`);
  const server = createServer({ noDelay: true }, (socket) => {
    let missing = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      // Heads come whole here, and one request at a time.
      if (missing === 0) {
        const head = chunk.toString('latin1', 0, 1_000);
        missing = head.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1]);
      }
      missing -= chunk.length;
      if (missing === 0) {
        socket.write(answer);
      }
    });
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
}

/** The lane in a process of its own: prints its figure as JSON. */
async function driveLane(port: number, bodyName: BodyName, seconds: number): Promise<void> {
  const clock = systemClock();
  const target = { secure: false, host: '127.0.0.1', address: '127.0.0.1', port };
  const transport = createWireHttpTransport({
    target,
    clock,
    headers: {},
    requestIds: false,
    maxConnections: CONNECTIONS,
  });
  await transport.open(CONNECTIONS);
  const request: WireRequest = {
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(BODIES[bodyName]),
    batch: 1,
  };
  let answers = 0;
  let failures = 0;
  let sending = true;
  const startUser = (connection: number) => {
    const slip: Slip = { seq: 0, connection, deadlineUs: 0 };
    const done = ({ outcome, endUs }: Completion) => {
      answers++;
      if (outcome !== 'ok') {
        failures++;
      }
      if (sending) {
        slip.deadlineUs = endUs + 2_000_000;
        transport.send(request, slip, done);
      }
    };
    slip.deadlineUs = clock.nowUs() + 2_000_000;
    transport.send(request, slip, done);
  };
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    startUser(connection);
  }
  const after = (us: number) => new Promise<void>((resolve) => clock.at(clock.nowUs() + us, resolve));
  await after(WARM_UP_US);
  const before = { answers, atUs: clock.nowUs(), cpu: process.cpuUsage() };
  await after(seconds * 1e6);
  const { user, system } = process.cpuUsage(before.cpu);
  const counted = answers - before.answers;
  const figure: Figure = { perS: (counted * 1e6) / (clock.nowUs() - before.atUs), cpuUs: (user + system) / counted };
  sending = false;
  await transport.close();
  if (failures > 0) {
    throw new Error(`${failures} of ${answers} requests failed`);
  }
  console.log(JSON.stringify(figure));
}

async function compare(rounds: number, seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-wire-'));
  const server = await startServer(directory);
  try {
    for (const bodyName of Object.keys(BODIES) as BodyName[]) {
      const script = join(directory, 'post.lua');
      const quoted = `[==[${BODIES[bodyName]}]==]`;
      writeFileSync(
        script,
        `wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\nwrk.body = ${quoted}\n`,
      );
      const ours: Figure[] = [];
      const theirs: Figure[] = [];
      for (let round = 0; round < rounds; round++) {
        // Who goes first changes, so that neither always has the warmer machine.
        const turns = [() => ours.push(runLane(server.port, bodyName, seconds))];
        if (has('wrk')) {
          turns.push(() => theirs.push(runWrk(server.port, script, seconds)));
        }
        for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
          turn();
        }
      }
      print(bodyName, server.name, ours, theirs);
    }
  } finally {
    server.process.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(bodyName: BodyName, serverName: string, ours: readonly Figure[], theirs: readonly Figure[]): void {
  console.log(
    `${bodyName} body, ${CONNECTIONS} connections, ${serverName}: min / median / max of ${ours.length} rounds`,
  );
  const line = (name: string, values: readonly number[], digits: number) =>
    console.log(`  ${name.padEnd(22)} ${spread(values, digits)}`);
  line(
    'lane, req/s',
    ours.map(({ perS }) => perS),
    0,
  );
  line(
    'lane, CPU µs/req',
    ours.map(({ cpuUs }) => cpuUs),
    2,
  );
  if (theirs.length > 0) {
    const paired = (of: (figure: Figure) => number) => ours.map((our, round) => of(our) / of(theirs[round] as Figure));
    line(
      'wrk, req/s',
      theirs.map(({ perS }) => perS),
      0,
    );
    line(
      'wrk, CPU µs/req',
      theirs.map(({ cpuUs }) => cpuUs),
      2,
    );
    line(
      'lane ÷ wrk, req/s',
      paired(({ perS }) => perS),
      3,
    );
    line(
      'lane ÷ wrk, CPU',
      paired(({ cpuUs }) => cpuUs),
      3,
    );
  }
}

function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const of = (index: number) => (sorted[index] as number).toFixed(digits);
  return `${of(0)} / ${of(Math.floor(sorted.length / 2))} / ${of(sorted.length - 1)}`;
}

function runLane(port: number, bodyName: BodyName, seconds: number): Figure {
  const self = fileURLToPath(import.meta.url);
  // The children get the loader that this process has.
  const args = [...process.execArgv, self, 'lane', String(port), bodyName, String(seconds)];
  const { status, stdout, stderr } = spawnSync(...pinned(1, process.execPath, args), { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`The lane ended with ${status}: ${stderr}`);
  }
  return JSON.parse(stdout) as Figure;
}

function runWrk(port: number, script: string, seconds: number): Figure {
  const wrk = ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}/`];
  // The shell's own `time` has the times of the child to the millisecond.
  const timed = ['-c', 'TIMEFORMAT="CPU %U %S"; time "$@" 2>&1', 'bash', ...wrk];
  const { stdout, stderr } = spawnSync(...pinned(1, 'bash', timed), {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const numberIn = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1]);
  const requests = numberIn(stdout, /(\d+) requests in/);
  const cpuS = numberIn(stderr, /CPU ([\d.]+)/) + numberIn(stderr, /CPU [\d.]+ ([\d.]+)/);
  if (/Non-2xx|Socket errors/.test(stdout) || !(requests > 0) || !(cpuS > 0)) {
    throw new Error(`wrk: ${stdout}${stderr}`);
  }
  return { perS: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/), cpuUs: (cpuS * 1e6) / requests };
}

interface FixedServer {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
}

async function startServer(directory: string): Promise<FixedServer> {
  if (has('nginx', ['-v'])) {
    const port = await freePort();
    writeFileSync(join(directory, 'nginx.conf'), nginxConfig(directory, port));
    const args = ['-c', join(directory, 'nginx.conf'), '-p', directory, '-e', join(directory, 'error.log')];
    const child = spawn(...pinned(0, 'nginx', args), { stdio: 'inherit' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (child.exitCode !== null) {
      throw new Error(`nginx ended with ${child.exitCode}: ${readFileSync(join(directory, 'error.log'), 'utf8')}`);
    }
    return { name: 'nginx', port, process: child };
  }
  const args = [...process.execArgv, fileURLToPath(import.meta.url), 'server'];
  const child = spawn(...pinned(0, process.execPath, args), { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) => child.stdout?.once('data', (line) => resolve(Number(line))));
  return { name: 'node:net server', port, process: child };
}

function nginxConfig(directory: string, port: number): string {
  return `daemon off; worker_processes 1; pid ${directory}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/p;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  client_body_buffer_size 64k; default_type application/json; tcp_nodelay on;
  server { listen 127.0.0.1:${port}; location / { return 200 '${ANSWER}'; } }
}
`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function has(program: string, args: readonly string[] = ['-v']): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
}

/** A command line on one core, where taskset is there to say so. */
function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  return has('taskset', ['-V']) ? ['taskset', ['-c', String(core), command, ...args]] : [command, [...args]];
}
