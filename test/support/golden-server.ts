/**
 * A server whose latency is known: `tsx test/support/golden-server.ts MODE_AS_JSON TRUTH_LOG`. Prints its port; answers
 * `GET /?query=…` as the sentiment contract has it, when the mode says; on SIGTERM writes the truth log
 * `id,recv_ns,send_ns,batch,status` (CLOCK_MONOTONIC, id = `x-request-id`) and ends. Shares no code with the client.
 */
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { type Mode, serviceOf } from './golden-server-modes.js';

const [modeText, truthLog] = process.argv.slice(2) as [string, string];
const mode = JSON.parse(modeText) as Mode;
const service = serviceOf(mode);

const BODY = '{"negative":0.5,"neutral":0.3,"positive":0.2}';
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
const NS_PER_MS = 1e6;
/** Timers come up to so much late: nearer than this it is waited for by looking again and again. */
const SPIN_MS = 2;

interface Job {
  readonly socket: Socket;
  readonly id: string;
  readonly receivedNs: bigint;
  /** From the first request. */
  readonly dueMs: number;
}

const rows: string[] = [];
/** By due time, the next one last. */
const jobs: Job[] = [];
let firstNs: bigint | undefined;
let requests = 0;
let cancelWake = () => {};

const server = createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const receivedNs = process.hrtime.bigint();
    pending += chunk.toString('latin1');
    for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
      take(socket, /\r\nx-request-id: *([\w-]{1,64})\r\n/i.exec(pending.slice(0, end + 2))?.[1] ?? '', receivedNs);
      pending = pending.slice(end + 4);
    }
  });
});

function take(socket: Socket, id: string, receivedNs: bigint): void {
  if (firstNs === undefined) {
    firstNs = receivedNs;
    if (mode.kind === 'freeze') {
      setTimeout(freeze, mode.atMs, mode.freezeMs);
    }
  }
  const dueMs = service(Number(receivedNs - firstNs) / NS_PER_MS, requests++, jobs.length);
  let place = jobs.length;
  while (place > 0 && (jobs[place - 1] as Job).dueMs <= dueMs) {
    place--;
  }
  jobs.splice(place, 0, { socket, id, receivedNs, dueMs });
  if (place === jobs.length - 1) {
    wake();
  }
}

/** Answers what is due and waits for the next. */
function wake(): void {
  cancelWake();
  for (let next = jobs.at(-1); next && next.dueMs <= nowMs(); next = jobs.at(-1)) {
    jobs.pop();
    answer(next);
  }
  const next = jobs.at(-1);
  if (!next) {
    cancelWake = () => {};
    return;
  }
  const leftMs = next.dueMs - nowMs();
  if (leftMs > SPIN_MS) {
    const timer = setTimeout(wake, leftMs - SPIN_MS);
    cancelWake = () => clearTimeout(timer);
  } else {
    const immediate = setImmediate(wake);
    cancelWake = () => clearImmediate(immediate);
  }
}

function nowMs(): number {
  return Number(process.hrtime.bigint() - (firstNs as bigint)) / NS_PER_MS;
}

function answer({ socket, id, receivedNs }: Job): void {
  // 499: the client left before its answer, as the embedded server's log has it.
  const gone = socket.destroyed;
  rows.push(`${id},${receivedNs},${process.hrtime.bigint()},1,${gone ? 499 : 200}`);
  if (!gone) {
    socket.write(ANSWER);
  }
}

function freeze(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address ? address.port : 0}\n`);
});
process.once('SIGTERM', () => {
  writeFileSync(truthLog, `${['id,recv_ns,send_ns,batch,status', ...rows].join('\n')}\n`, { flag: 'wx' });
  process.exit();
});
