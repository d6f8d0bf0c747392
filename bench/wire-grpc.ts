/**
 * What one unary gRPC call of 3,200 B with an answer of 100 B costs: the wire lane beside h2load and the library
 * grpc-js,
 * 64 calls at a time on one connection, in interleaved rounds; ratios are within a round.
 *
 *     npx tsx bench/wire-grpc.ts [rounds] [calls]
 *
 * CPU is user and system time by the operating system: of h2load the whole process, of ours from the moment on which the
 * code is warm. Nothing is recorded, and the answers are not decoded. With taskset on PATH the server has core 0 and the
 * client core 1; other load on the machine shows in all figures.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { systemClock } from '../src/clock.js';
import type { WireRequest } from '../src/protocols/protocol.js';
import type { Slip } from '../src/transports/transport.js';
import { createWireGrpcTransport } from '../src/transports/wire-grpc.js';

const REQUEST_BYTES = 3_200;
const ANSWER_BYTES = 100;
const IN_FLIGHT = 64;
const PATH = '/bench.Test/Call';
const TIMEOUT_US = 10_000_000;

type Lane = 'wire' | 'grpc-js';
const LANES: Readonly<Record<Lane, (port: number) => Call>> = { wire: wireCall, 'grpc-js': libraryCall };

interface Figures {
  readonly callsPerS: number;
  readonly cpuUsPerCall: number;
}

/** Answers every stream that ends with the same three frames; reads nothing but what it needs for that. */
function serve(): void {
  const frame = (type: number, flags: number, payload: Buffer) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    return Buffer.concat([head, payload]);
  };
  const message = Buffer.concat([Buffer.of(0, 0, 0, 0, ANSWER_BYTES), Buffer.alloc(ANSWER_BYTES, 'x')]);
  const answer = (headers: string, trailers: string) =>
    Buffer.concat([
      frame(1, 4, Buffer.from(headers, 'latin1')),
      frame(0, 0, message),
      frame(1, 5, Buffer.from(trailers, 'latin1')),
    ]);
  // As servers do: the first answer fills the client's table, the others refer to it.
  const first = answer('\x88\x5f\x10application/grpc', '\x40\x0bgrpc-status\x010');
  const others = answer('\x88\xbf', '\xbe');
  const trailersAt = 9 + 2 + 9 + message.length;
  const settings = frame(4, 0, Buffer.from('\0\x03\0\0\x27\x10\0\x04\x3f\xff\xff\xff', 'latin1'));
  const room = frame(8, 0, Buffer.from('3fff0000', 'hex'));

  const server = createServer({ noDelay: true }, (socket) => {
    let skipBytes = 24;
    let head = Buffer.alloc(0);
    let payloadLeft = 0;
    let answered = 0;
    let windowBytes = 0;
    let out = Buffer.allocUnsafe(65_536);
    let outBytes = 0;
    const write = () => {
      socket.write(out.subarray(0, outBytes));
      if (socket.writableLength > 0) {
        out = Buffer.allocUnsafe(65_536);
      }
      outBytes = 0;
    };
    const reply = (streamId: number) => {
      if (answered++ === 0) {
        const own = Buffer.from(first);
        for (let at = 0; at < own.length; at += 9 + own.readUIntBE(at, 3)) {
          own.writeUInt32BE(streamId, at + 5);
        }
        socket.write(own);
        return;
      }
      if (outBytes + others.length > out.length) {
        write();
      }
      out.set(others, outBytes);
      out.writeUInt32BE(streamId, outBytes + 5);
      out.writeUInt32BE(streamId, outBytes + 9 + 2 + 5);
      out.writeUInt32BE(streamId, outBytes + trailersAt + 5);
      outBytes += others.length;
    };
    const control = (bytes: Buffer, at: number) => {
      const type = bytes[at + 3];
      if (type === 4 && bytes[at + 4] === 0) {
        socket.write(frame(4, 1, Buffer.alloc(0)));
      } else if (type === 0) {
        windowBytes += bytes.readUIntBE(at, 3);
        if (windowBytes > 0x3fff0000) {
          windowBytes = 0;
          socket.write(room);
        }
        if ((bytes[at + 4] as number) & 1) {
          reply(bytes.readUInt32BE(at + 5));
        }
      }
    };
    socket.write(Buffer.concat([settings, room]));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      let at = Math.min(skipBytes, chunk.length);
      skipBytes -= at;
      while (at < chunk.length) {
        if (payloadLeft > 0) {
          const bytes = Math.min(payloadLeft, chunk.length - at);
          payloadLeft -= bytes;
          at += bytes;
        } else if (head.length === 0 && chunk.length - at >= 9) {
          payloadLeft = chunk.readUIntBE(at, 3);
          control(chunk, at);
          at += 9;
        } else {
          const bytes = Math.min(9 - head.length, chunk.length - at);
          head = Buffer.concat([head, chunk.subarray(at, at + bytes)]);
          at += bytes;
          if (head.length === 9) {
            payloadLeft = head.readUIntBE(0, 3);
            control(head, 0);
            head = Buffer.alloc(0);
          }
        }
      }
      if (outBytes > 0) {
        write();
      }
    });
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
}

type Call = (done: (problem: unknown, bytes: number) => void) => void;

/** Makes one call of the wire lane. */
function wireCall(port: number): Call {
  const clock = systemClock();
  const transport = createWireGrpcTransport({
    target: { secure: false, host: '127.0.0.1', address: '127.0.0.1', port },
    clock,
    headers: {},
    requestIds: false,
    maxConnections: 1,
  });
  const body = Buffer.alloc(REQUEST_BYTES, 'r');
  const request: WireRequest = { method: 'POST', path: PATH, headers: {}, body, batch: 1 };
  const slip: Slip = { seq: 0, connection: 0, deadlineUs: 0 };
  return (done) => {
    slip.seq++;
    slip.deadlineUs = clock.nowUs() + TIMEOUT_US;
    transport.send(request, slip, ({ outcome, response }) =>
      done(outcome === 'ok' ? null : outcome, response?.body.length ?? 0),
    );
  };
}

/** Makes one call of the library, which gets and gives bytes. */
function libraryCall(port: number): Call {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const body = Buffer.alloc(REQUEST_BYTES, 'r');
  const same = (bytes: Buffer) => bytes;
  return (done) => {
    const options = { deadline: Date.now() + TIMEOUT_US / 1000 };
    client.makeUnaryRequest(PATH, same, same, body, new Metadata(), options, (error, answer) =>
      done(error, answer?.length ?? 0),
    );
  };
}

/** Makes calls and prints what they cost. */
async function load(call: Call, calls: number): Promise<void> {
  const run = (count: number) =>
    new Promise<void>((resolve, reject) => {
      let sent = 0;
      let ended = 0;
      const next = () => {
        sent++;
        call(onEnd);
      };
      const onEnd = (problem: unknown, bytes: number) => {
        if (problem !== null || bytes !== ANSWER_BYTES) {
          reject(new Error(`A call of ${bytes} bytes ended with ${problem}`));
        } else if (++ended === count) {
          resolve();
        } else if (sent < count) {
          next();
        }
      };
      for (let index = 0; index < IN_FLIGHT; index++) {
        next();
      }
    });
  await run(Math.max(IN_FLIGHT, Math.min(20_000, Math.floor(calls / 10))));
  const started = performance.now();
  const before = process.cpuUsage();
  await run(calls);
  const { user, system } = process.cpuUsage(before);
  const figures: Figures = {
    callsPerS: (calls / (performance.now() - started)) * 1000,
    cpuUsPerCall: (user + system) / calls,
  };
  console.log(JSON.stringify(figures));
  process.exit();
}

const hasTaskset = spawnSync('taskset', ['-V']).status === 0;

/** A command on a core of its own. */
function pinned(core: number, command: string, args: readonly string[]): readonly [string, readonly string[]] {
  return hasTaskset ? ['taskset', ['-c', String(core), command, ...args]] : [command, args];
}

/** Runs this file again in another role. */
function self(core: number, ...words: readonly string[]): readonly [string, readonly string[]] {
  return pinned(core, process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...words]);
}

function laneFigures(lane: Lane, port: string, calls: number): Figures {
  const [command, args] = self(1, lane, port, String(calls));
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${lane}: ${stderr}`);
  }
  return JSON.parse(stdout) as Figures;
}

function h2loadFigures(port: string, calls: number, bodyFile: string): Figures {
  const own = ['-n', String(calls), '-c', '1', '-m', String(IN_FLIGHT), '-t', '1', '-d', bodyFile];
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', 'grpc-timeout: 10000000u'];
  const [command, args] = pinned(1, 'h2load', [...own, ...headers, `http://127.0.0.1:${port}${PATH}`]);
  const timed = ['-c', 'TIMEFORMAT="%U %S"; time "$@"', 'bash', command, ...args];
  const { stdout, stderr } = spawnSync('bash', timed, { encoding: 'utf8' });
  const [, rate] = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(stdout) ?? [];
  const [, user, system] = /([\d.]+) ([\d.]+)\s*$/.exec(stderr) ?? [];
  if (!stdout.includes(`${calls} succeeded`) || rate === undefined) {
    throw new Error(`h2load: ${stdout}${stderr}`);
  }
  return { callsPerS: Number(rate), cpuUsPerCall: ((Number(user) + Number(system)) / calls) * 1e6 };
}

function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
    .map((value) => (value as number).toFixed(digits))
    .join(' / ');
}

async function compare(rounds: number, calls: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-'));
  const bodyFile = join(directory, 'body');
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(REQUEST_BYTES, 1);
  writeFileSync(bodyFile, Buffer.concat([prefix, Buffer.alloc(REQUEST_BYTES, 'r')]));
  const [command, args] = self(0, 'serve');
  const server: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<string>((resolve) =>
      server.stdout?.once('data', (line) => resolve(`${line}`.trim())),
    );
    const runs: Record<string, () => Figures> = {
      ...(spawnSync('h2load', ['--version']).status === 0 && { h2load: () => h2loadFigures(port, calls, bodyFile) }),
      wire: () => laneFigures('wire', port, calls),
      'grpc-js': () => laneFigures('grpc-js', port, Math.max(1_000, Math.floor(calls / 15))),
    };
    const names = Object.keys(runs);
    const seen: Record<string, Figures>[] = [];
    for (let round = 0; round < rounds; round++) {
      seen.push(Object.fromEntries(names.map((name) => [name, (runs[name] as () => Figures)()])));
    }
    console.log(`${rounds} rounds, ${calls} calls, min / median / max`);
    for (const name of names) {
      const own = seen.map((round) => round[name] as Figures);
      const cpu = own.map(({ cpuUsPerCall }) => cpuUsPerCall);
      const rate = own.map(({ callsPerS }) => callsPerS);
      console.log(`${name.padEnd(8)} CPU µs/call ${spread(cpu, 2)}   calls/s ${spread(rate, 0)}`);
    }
    for (const name of names.filter((one) => one !== 'wire')) {
      const ratios = (of: (figures: Figures) => number) =>
        seen.map((round) => of(round.wire as Figures) / of(round[name] as Figures));
      const cpu = ratios(({ cpuUsPerCall }) => cpuUsPerCall);
      const rate = ratios(({ callsPerS }) => callsPerS);
      console.log(`wire : ${name.padEnd(8)} CPU ${spread(cpu, 3)}   calls/s ${spread(rate, 2)}`);
    }
  } finally {
    server.kill();
    rmSync(directory, { recursive: true });
  }
}

const [role = '', ...words] = process.argv.slice(2);
if (role === 'serve') {
  serve();
} else if (role in LANES) {
  await load(LANES[role as Lane](Number(words[0])), Number(words[1]));
} else {
  await compare(Number(role || 5), Number(words[0] ?? 300_000));
}
