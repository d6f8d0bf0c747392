/**
 * Answers every HTTP request without a body at once, and logs when it came: two little-endian 64-bit numbers a request,
 * CLOCK_MONOTONIC ns, as arrivals.py has them. Node does not hand out the kernel's time of receipt, so both are the time
 * at which the server saw the request. Prints its port; the log is complete when it has ended on SIGTERM.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';

const file = openSync(process.argv[2] as string, 'wx');
/** Written out between the runs: half a million requests are more than a run has. */
const ROOM = 1 << 20;
const log = new BigInt64Array(ROOM);
let logged = 0;

const body = '{"negative":0.5,"neutral":0.3,"positive":0.2}';
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
);
/** `\r\n\r\n` as a number. */
const HEAD_END = 0x0d0a0d0a;

const server = createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const atNs = process.hrtime.bigint();
    // Nearly always a whole request and nothing else.
    if (pending === '' && chunk.readUInt32BE(Math.max(0, chunk.length - 4)) === HEAD_END) {
      record(atNs);
      socket.write(answer);
      return;
    }
    pending += chunk.toString('latin1');
    for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
      pending = pending.slice(end + 4);
      record(atNs);
      socket.write(answer);
    }
  });
});

function record(atNs: bigint): void {
  log[logged++] = atNs;
  log[logged++] = atNs;
  if (logged === ROOM) {
    write();
  }
}

function write(): void {
  writeSync(file, new Uint8Array(log.buffer, 0, logged * 8));
  logged = 0;
}

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log((server.address() as { port: number }).port),
);
process.once('SIGTERM', () => {
  write();
  closeSync(file);
  process.exit();
});
