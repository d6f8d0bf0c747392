import { connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/transports/transport.js';
import { createWireGrpcTransport } from '../../src/transports/wire-grpc.js';
import { bench, expectSound } from '../contract/transport-bench.js';
import { closeServers, grpcFrame, sleep, type TestServer, targetOf, tcpServer } from '../support/servers.js';

/**
 * A server writes frames that were drawn at random, to our lane and to node:http2, in the same pieces. Both have to make
 * the same of every stream. `FUZZ_RUNS` and `FUZZ_SEED` set how many and which.
 */
const RUNS = Number(process.env.FUZZ_RUNS ?? 250);
const SEED = Number(process.env.FUZZ_SEED ?? 1);

const T = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8, continuation: 9 };
const F = { end: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 };
const PATH = '/bench.Test/Call';
const PATIENCE_MS = 10_000;

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** Huffman codes of whole strings, from RFC 7541 appendix C and from what gRPC servers send. */
const HUFFMAN: Readonly<Record<string, string>> = {
  'application/grpc': '1d75d0620d263d4c4d6564',
  'grpc-status': '9acac8b21234da8f',
  'grpc-message': '9acac8b5254207317f',
  'custom-key': '25a849e95ba97d7f',
  'custom-value': '25a849e95bb8e8b4bf',
  'no-cache': 'a8eb10649cbf',
  private: 'aec3771a4b',
  gzip: '9bd9ab',
  '302': '6402',
};

type Field = readonly [name: string, value: string];
type Coding = 'plain' | 'never' | 'indexed' | 'huffman' | 'resized';

/** Writes header blocks in every way that HPACK has, RFC 7541 section 6. */
function hpackEncoder() {
  let table: Field[] = [];
  const text = (value: string, huffman: boolean) => {
    const code = huffman ? HUFFMAN[value] : undefined;
    const bytes = code === undefined ? Buffer.from(value, 'latin1') : Buffer.from(code, 'hex');
    return Buffer.concat([Buffer.of((code === undefined ? 0 : 0x80) | bytes.length), bytes]);
  };
  return (fields: readonly Field[], codings: readonly Coding[]): Buffer => {
    const parts: Buffer[] = [];
    if (codings[0] === 'resized') {
      // To nothing and back to 4,096 bytes.
      parts.push(Buffer.from('203fe11f', 'hex'));
      table = [];
    }
    fields.forEach(([name, value], nth) => {
      const coding = codings[nth % Math.max(1, codings.length)] ?? 'plain';
      const known = table.findIndex((entry) => entry[0] === name && entry[1] === value);
      if (name === ':status' && value === '200') {
        parts.push(Buffer.of(0x88));
      } else if (name === ':status') {
        parts.push(Buffer.of(0x08), text(value, false));
      } else if (coding === 'indexed' && known >= 0) {
        parts.push(Buffer.of(0x80 | (62 + known)));
      } else if (coding === 'indexed' || coding === 'huffman') {
        // Twenty entries stay below both 4,096 bytes and the index that needs a second byte.
        const added = table.length < 20;
        if (added) {
          table.unshift([name, value]);
        }
        parts.push(Buffer.of(added ? 0x40 : 0), text(name, coding === 'huffman'), text(value, coding === 'huffman'));
      } else {
        parts.push(Buffer.of(coding === 'never' ? 0x10 : 0), text(name, false), text(value, false));
      }
    });
    return Buffer.concat(parts);
  };
}

const codings = fc.array(fc.constantFrom<Coding>('plain', 'never', 'indexed', 'indexed', 'huffman', 'resized'), {
  minLength: 1,
  maxLength: 4,
});

/** What one stream is answered with. */
const streamPlans = fc.record({
  interim: fc.constantFrom(0, 0, 0, 1, 2),
  head: fc.constantFrom('grpc', 'grpc', 'grpc', 'grpc', 'grpc', 'subtype', 'page', 'unavailable', 'none'),
  trailersOnly: fc.constantFrom(false, false, false, true),
  message: fc.option(fc.uint8Array({ maxLength: 70 }), { freq: 8, nil: undefined }),
  messages: fc.constantFrom('one', 'one', 'one', 'one', 'one', 'one', 'two', 'cut'),
  pieces: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }),
  padding: fc.constantFrom(0, 0, 1, 30, 255),
  weighted: fc.boolean(),
  flags: fc.constantFrom(0, 0, 0x42),
  fragments: fc.constantFrom(0, 0, 1, 3),
  end: fc.constantFrom('trailers', 'trailers', 'trailers', 'trailers', 'reset', 'data'),
  code: fc.constantFrom('0', '0', '0', '0', '1', '5', '14', '99', undefined),
  text: fc.constantFrom('', 'no', 'caf%C3%A9 %zz%2', '302'),
  // Not 0, which node:http2 does not tell from the end of a stream.
  reset: fc.constantFrom(1, 2, 7, 8, 11, 12),
  more: fc.array(
    fc.constantFrom<Field>(
      ['custom-key', 'custom-value'],
      ['cache-control', 'no-cache'],
      ['x', ''],
      ['grpc-accept-encoding', 'gzip'],
    ),
    { maxLength: 3 },
  ),
  headCodings: codings,
  trailerCodings: codings,
});
type StreamPlan = typeof streamPlans extends fc.Arbitrary<infer Plan> ? Plan : never;

/** The units that a stream is answered with: what may not be parted by other frames is one. */
function unitsOf(plan: StreamPlan, id: number): readonly ((encode: ReturnType<typeof hpackEncoder>) => Buffer)[] {
  const units: ((encode: ReturnType<typeof hpackEncoder>) => Buffer)[] = [];
  const block = (fields: readonly Field[], coded: readonly Coding[], ends: boolean) =>
    units.push((encode) => {
      const bytes = encode(fields, coded);
      const size = Math.ceil(bytes.length / (plan.fragments + 1));
      const fragments = Array.from({ length: plan.fragments + 1 }, (_, nth) =>
        bytes.subarray(nth * size, (nth + 1) * size),
      );
      const weight = plan.weighted ? Buffer.concat([u32(0), Buffer.of(15)]) : Buffer.alloc(0);
      const padding = Buffer.alloc(plan.padding);
      const isPadded = plan.padding > 0;
      const first = Buffer.concat([
        isPadded ? Buffer.of(plan.padding) : Buffer.alloc(0),
        weight,
        fragments[0] as Buffer,
        padding,
      ]);
      const flags =
        (ends ? F.end : 0) |
        (plan.fragments === 0 ? F.endHeaders : 0) |
        (isPadded ? F.padded : 0) |
        (plan.weighted ? F.priority : 0);
      return Buffer.concat([
        frame(T.headers, flags | plan.flags, id, first),
        ...fragments
          .slice(1)
          .map((part, nth) => frame(T.continuation, nth === plan.fragments - 1 ? F.endHeaders : 0, id, part)),
      ]);
    });
  for (let nth = 0; nth < plan.interim; nth++) {
    block([[':status', '103'], ...plan.more], plan.headCodings, false);
  }
  const status: Field = [':status', plan.head === 'unavailable' ? '503' : '200'];
  const type: readonly Field[] = {
    grpc: [['content-type', 'application/grpc'] as const],
    subtype: [['content-type', 'application/grpc+proto'] as const],
    page: [['content-type', 'text/html'] as const],
    unavailable: [['content-type', 'text/html'] as const],
    none: [],
  }[plan.head];
  const last: readonly Field[] = [
    ...(plan.code === undefined ? [] : [['grpc-status', plan.code] as const]),
    ...(plan.text === '' ? [] : [['grpc-message', plan.text] as const]),
  ];
  if (plan.trailersOnly) {
    block([status, ...type, ...plan.more, ...last], plan.headCodings, true);
    return units;
  }
  block([status, ...type, ...plan.more], plan.headCodings, false);
  const whole = plan.message ? grpcFrame(Buffer.from(plan.message)) : Buffer.alloc(0);
  const bytes =
    plan.messages === 'two' && plan.end !== 'reset'
      ? Buffer.concat([whole, whole])
      : plan.messages === 'cut'
        ? whole.subarray(0, whole.length - 1)
        : whole;
  const cuts = [0, ...plan.pieces.map((_, nth) => plan.pieces.slice(0, nth + 1).reduce((a, b) => a + b))];
  const pieces = [...cuts.filter((at) => at < bytes.length), bytes.length];
  pieces.slice(1).forEach((to, nth) => {
    const part = bytes.subarray(pieces[nth], to);
    const ends = plan.end === 'data' && nth === pieces.length - 2;
    const flags = (ends ? F.end : 0) | plan.flags;
    units.push(() =>
      plan.padding > 0
        ? frame(
            T.data,
            flags | F.padded,
            id,
            Buffer.concat([Buffer.of(plan.padding), part, Buffer.alloc(plan.padding)]),
          )
        : frame(T.data, flags, id, part),
    );
  });
  if (plan.end === 'data' && pieces.length === 1) {
    units.push(() => frame(T.data, F.end, id, Buffer.alloc(0)));
  }
  if (plan.end === 'trailers') {
    block([...last, ...plan.more], plan.trailerCodings, true);
  } else if (plan.end === 'reset') {
    units.push(() => frame(T.reset, plan.flags, id, u32(plan.reset)));
  }
  return units;
}

/** What may stand between any two frames. */
const between = fc.constantFrom<(id: number) => Buffer>(
  () => frame(T.ping, 0, 0, Buffer.from('12345678')),
  () => frame(T.settings, 0, 0, Buffer.alloc(0)),
  // Initial window, header table, an unknown one.
  () => frame(T.settings, 0, 0, Buffer.from('00040000ffff000100000100aaaa00000001', 'hex')),
  () => frame(T.window, 0, 0, u32(1_000)),
  (id) => frame(T.window, 0x0f, id, u32(1_000)),
  (id) => frame(T.priority, 0, id, Buffer.concat([u32(0), Buffer.of(200)])),
  () => frame(0x42, 0xff, 0, Buffer.from('unknown')),
  (id) => frame(0x0b, 0, id, Buffer.alloc(0)),
  (id) => frame(0xee, 5, id, Buffer.alloc(300, 'x')),
);

/** What no server should do. */
const hostile = fc.record({
  kind: fc.constantFrom('flip', 'drop', 'insert', 'end', 'reset', 'frame', 'garbage'),
  /** Where, as a share of all units. */
  at: fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000),
  /** Where in the unit, in the same way. */
  inside: fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000),
  byte: fc.nat(255),
  type: fc.integer({ min: 0, max: 10 }),
  flags: fc.nat(255),
  id: fc.constantFrom(0, 1, 2, 3, 5, 99),
  payload: fc.uint8Array({ maxLength: 20 }),
});
type Hostile = typeof hostile extends fc.Arbitrary<infer Plan> ? Plan : never;

interface Script {
  /** Told when nothing more comes, a moment after it was sent, on each connection. */
  over?: () => void;
  readonly streams: readonly StreamPlan[];
  readonly order: readonly number[];
  readonly others: readonly (readonly [number, (id: number) => Buffer])[];
  /** Bytes of a write. */
  readonly pieceBytes: number;
  readonly wrong: Hostile | undefined;
}

/** Answers that are fine but for how they are written: where something is wrong, it is nothing else. */
const finePlans = streamPlans.map(
  (plan): StreamPlan => ({
    ...plan,
    head: 'grpc',
    trailersOnly: false,
    message: plan.message ?? new Uint8Array(3),
    messages: 'one',
    end: 'trailers',
    code: '0',
  }),
);

const scripts = (plans: fc.Arbitrary<StreamPlan>, wrong: fc.Arbitrary<Hostile | undefined>): fc.Arbitrary<Script> =>
  fc.record({
    streams: fc.array(plans, { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
    others: fc.array(fc.tuple(fc.nat(20), between), { maxLength: 4 }),
    pieceBytes: fc.constantFrom(1, 3, 9, 10, 64, 100_000, 100_000),
    wrong,
  });

/** All units of a connection in order. */
function unitsInOrder({ streams, order, others }: Script): Buffer[] {
  const encode = hpackEncoder();
  const left = streams.map((plan, nth) => ({ id: 2 * nth + 1, units: [...unitsOf(plan, 2 * nth + 1)] }));
  const all: Buffer[] = [];
  for (let nth = 0; left.some(({ units }) => units.length > 0); nth++) {
    const open = left.filter(({ units }) => units.length > 0);
    const next = open[(order[nth % order.length] as number) % open.length] as (typeof open)[number];
    const unit = next.units.shift() as (typeof open)[number]['units'][number];
    all.push(unit(encode));
    for (const [at, other] of others) {
      if (at === nth) {
        all.push(other(next.id));
      }
    }
  }
  return all;
}

/** Writes the units in pieces; what is wrong comes a moment after what was right. */
async function play(script: Script, socket: Socket): Promise<void> {
  const units = unitsInOrder(script);
  const { wrong, pieceBytes } = script;
  const write = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length && socket.writable; at += pieceBytes) {
      socket.write(bytes.subarray(at, at + pieceBytes));
    }
  };
  if (!wrong) {
    write(Buffer.concat(units));
    return;
  }
  const at = Math.floor(wrong.at * units.length);
  write(Buffer.concat(units.slice(0, at)));
  await sleep(4);
  const unit = units[at] as Buffer;
  const inside = Math.floor(wrong.inside * unit.length);
  const [before, after] = [unit.subarray(0, inside), unit.subarray(inside)];
  const rest = units.slice(at + 1);
  if (wrong.kind === 'reset') {
    write(before);
    socket.resetAndDestroy();
    return;
  }
  const bytes = {
    flip: [before, Buffer.of((after[0] as number) ^ (wrong.byte || 1)), after.subarray(1), ...rest],
    drop: [before, after.subarray(1), ...rest],
    insert: [before, Buffer.of(wrong.byte), after, ...rest],
    end: [before],
    frame: [frame(wrong.type, wrong.flags, wrong.id, Buffer.from(wrong.payload)), unit, ...rest],
    garbage: [Buffer.from(wrong.payload), unit, ...rest],
  }[wrong.kind];
  write(Buffer.concat(bytes));
  await sleep(4);
  socket.end();
  // node:http2 waits for more after an end inside a frame.
  await sleep(4);
  socket.resetAndDestroy();
}

/** A server that plays a script on each connection once all its calls are there. */
async function scriptServer(current: () => Script): Promise<TestServer> {
  return tcpServer((socket) => {
    const script = current();
    let pending = Buffer.alloc(0);
    let skipBytes = 24;
    let whole = 0;
    socket.write(frame(T.settings, 0, 0, Buffer.alloc(0)));
    socket.on('data', (chunk) => {
      const skipped = Math.min(skipBytes, chunk.length);
      skipBytes -= skipped;
      pending = Buffer.concat([pending, chunk.subarray(skipped)]);
      while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const [type, flags] = [pending.readUInt8(3), pending.readUInt8(4)];
        pending = pending.subarray(9 + pending.readUIntBE(0, 3));
        if (type === T.settings && (flags & F.ack) === 0) {
          socket.write(frame(T.settings, F.ack, 0, Buffer.alloc(0)));
        } else if ((type === T.headers || type === T.data) && flags & F.end && ++whole === script.streams.length) {
          void play(script, socket).then(async () => {
            if (script.wrong) {
              await sleep(10);
              script.over?.();
            }
          });
        }
      }
    });
  });
}

/** How a stream ended, in words that both sides are put into: `ok`, `status`, `reset` … and what came with it. */
type Verdict = readonly [kind: string, ...details: (string | number | undefined)[]];

/** What our lane says of each call. */
function oursOf({ outcome, origin, status, detail, response }: Completion): Verdict {
  switch (outcome) {
    case 'ok':
      return ['ok', response?.body.toString('hex')];
    case 'grpc_not_grpc':
      return ['not gRPC', status];
    case 'grpc_no_status':
      return ['no status'];
    case 'stream_protocol':
      return ['not unary'];
    case 'decode_error':
      return ['unreadable'];
  }
  if (detail?.startsWith('RST_STREAM')) {
    return ['reset', detail.slice(11)];
  }
  return outcome.startsWith('grpc_') && origin === 'target' && outcome !== 'grpc_DEADLINE_EXCEEDED'
    ? ['status', status, detail ?? '']
    : ['broken', outcome];
}

interface Seen {
  headers: Readonly<Record<string, unknown>> | undefined;
  /** The answer was one block of headers. */
  single: boolean;
  trailers: Readonly<Record<string, unknown>> | undefined;
  readonly data: Buffer[];
  ended: boolean;
  /** The code of the peer's RST_STREAM, or why the stream broke. */
  reset: number | undefined;
  error: unknown;
}

/** What gRPC makes of a stream of node:http2, written down anew from its "HTTP2 Transport Mapping". */
function theirsOf({ headers, single, trailers, data, ended, reset, error }: Seen): Verdict {
  const bytes = Buffer.concat(data);
  if (headers) {
    const isGrpc = /^application\/grpc($|[+;])/.test(String(headers['content-type'] ?? ''));
    if (headers[':status'] !== 200 || !isGrpc) {
      return ['not gRPC', Number(headers[':status'])];
    }
    const length = bytes.length < 5 ? undefined : bytes.readUInt32BE(1);
    if (bytes.length > 0 && (bytes[0] as number) > 0) {
      return ['unreadable'];
    }
    if (length !== undefined && bytes.length > 5 + length) {
      return ['not unary'];
    }
    const last = single ? headers : trailers;
    if (ended && last === undefined) {
      return ['no status'];
    }
    if (last !== undefined) {
      const code = last['grpc-status'];
      if (code === undefined) {
        return ['no status'];
      }
      if (code !== '0') {
        const text = String(last['grpc-message'] ?? '');
        const decoded = text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => decodeURIComponent(run));
        return ['status', Number(code), decoded];
      }
      if (length === undefined) {
        return [bytes.length > 0 ? 'unreadable' : 'not unary'];
      }
      return bytes.length === 5 + length ? ['ok', bytes.toString('hex', 5)] : ['unreadable'];
    }
  }
  const name = Object.entries(constants).find(
    ([key, value]) =>
      key.startsWith('NGHTTP2_') && !key.startsWith('NGHTTP2_ERR') && H2_NAMES.has(key) && value === reset,
  );
  return reset === undefined || !name ? ['broken', String(error)] : ['reset', name[0].slice('NGHTTP2_'.length)];
}

const H2_NAMES: ReadonlySet<string> = new Set(
  [
    ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED'],
    ...['FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM'],
    ...['INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
  ].map((name) => `NGHTTP2_${name}`),
);

/** What node:http2 makes of so many calls on one connection. */
async function judge(port: number, calls: number, over: Promise<unknown>): Promise<readonly Verdict[]> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { enablePush: false } });
  session.on('error', () => {});
  const verdicts = await Promise.all(
    Array.from({ length: calls }, () => {
      const seen: Seen = {
        headers: undefined,
        single: false,
        trailers: undefined,
        data: [],
        ended: false,
        reset: undefined,
        error: undefined,
      };
      return new Promise<Verdict>((resolve) => {
        const patience = setTimeout(() => resolve(theirsOf(seen)), PATIENCE_MS);
        // The streams of a session whose peer broke the rules may never close, although its socket is reset.
        void over.then(() => resolve(theirsOf(seen)));
        const stream = session.request({
          ':method': 'POST',
          ':path': PATH,
          'content-type': 'application/grpc',
          te: 'trailers',
        });
        stream
          .on('response', (headers, flags) => {
            seen.headers = headers;
            seen.single = (flags & F.end) !== 0;
          })
          .on('trailers', (trailers) => {
            seen.trailers = trailers;
          })
          .on('data', (chunk: Buffer) => void seen.data.push(chunk))
          .on('end', () => {
            seen.ended = true;
          })
          .on('error', (error) => {
            seen.error = error;
          })
          .on('close', () => {
            clearTimeout(patience);
            seen.reset = stream.rstCode;
            seen.ended &&= stream.rstCode === 0;
            resolve(theirsOf(seen));
          });
        stream.end(grpcFrame(Buffer.from('hello')));
      });
    }),
  );
  session.destroy();
  return verdicts;
}

const { open, end } = bench({ create: createWireGrpcTransport });
afterEach(async () => {
  await end();
  await closeServers();
});

/** What both make of a script. */
async function both(script: Script, server: TestServer): Promise<{ ours: Verdict[]; theirs: readonly Verdict[] }> {
  const lanes = open(targetOf(server), { maxConnections: 1 });
  const over = new Promise<void>((resolve) => {
    let plays = 0;
    script.over = () => void (++plays === 2 && resolve());
  });
  const [completions, theirs] = await Promise.all([
    Promise.all(script.streams.map(() => lanes.send(PATH, { body: Buffer.from('hello'), timeoutMs: PATIENCE_MS }))),
    judge(server.port, script.streams.length, over),
  ]);
  completions.forEach(expectSound);
  await lanes.transport.close();
  return { ours: completions.map(oursOf), theirs };
}

describe('frames in any order that HTTP/2 allows', () => {
  it('mean to us what they mean to node:http2', { timeout: 600_000 }, async () => {
    let script: Script;
    const server = await scriptServer(() => script);
    const kinds = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(scripts(streamPlans, fc.constant(undefined)), async (drawn) => {
        script = drawn;

        const { ours, theirs } = await both(drawn, server);
        expect(ours).toEqual(theirs);
        for (const [kind] of ours) {
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        }
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    for (const kind of ['ok', 'status', 'reset', 'not gRPC', 'no status', 'not unary', 'unreadable']) {
      expect(kinds.get(kind), kind).toBeGreaterThan(RUNS / 100);
    }
    expect(kinds.get('broken')).toBe(undefined);
  });
});

describe('frames that HTTP/2 forbids', () => {
  it('never make an answer of something else, and every call settles', { timeout: 600_000 }, async () => {
    let script: Script;
    const server = await scriptServer(() => script);
    const counts = { bothOk: 0, bothNot: 0, stricter: 0, kinder: 0 };
    await fc.assert(
      fc.asyncProperty(scripts(fc.oneof(finePlans, finePlans, streamPlans), hostile), async (drawn) => {
        script = drawn;

        const { ours, theirs } = await both(drawn, server);
        ours.forEach((own, nth) => {
          const their = theirs[nth] as Verdict;
          if (own[0] === 'ok' && their[0] === 'ok') {
            expect(own).toEqual(their);
            counts.bothOk++;
          } else if (own[0] !== 'ok' && their[0] !== 'ok') {
            counts.bothNot++;
          } else {
            counts[own[0] === 'ok' ? 'kinder' : 'stricter']++;
          }
        });
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    expect(counts.bothOk).toBeGreaterThan(RUNS / 4);
    expect(counts.bothNot).toBeGreaterThan(RUNS / 2);
    // Each is stricter in places: about padding of streams that are over, or frames of extensions.
    expect(counts.stricter + counts.kinder).toBeLessThan((counts.bothOk + counts.bothNot) / 20);
  });
});
