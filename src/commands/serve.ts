import { resolve } from 'node:path';
import { EXIT, usageError } from '../errors.js';
import { choice, duration, FlagProblem, type FlagValues, onOff, readFlags, text, whole } from '../flags.js';
import type { Io } from '../io.js';
import {
  type Behaviour,
  parseServiceTime,
  type RunningServer,
  SERVER_KINDS,
  type ServerKind,
  type Stall,
  startServer,
} from '../server/index.js';
import { parseDurationUs } from '../units.js';
import { COMMON_FLAGS, type Command } from './command.js';

const PORTS = { min: 0, max: 65_535, arg: 'PORT' } as const;

const FLAGS = {
  host: text({ arg: 'HOST', default: '127.0.0.1', help: 'address to listen on; 0.0.0.0 is every one of this machine' }),
  port: whole({ ...PORTS, default: '8501', help: 'HTTP port; 0 = any free one' }),
  'grpc-port': whole({ ...PORTS, default: '8500', help: 'gRPC port of kinds that have one; 0 = any free one' }),
  'truth-log': text({ arg: 'FILE', help: 'write what the server saw of each request to a new file' }),
  'fixed-answer': onOff({
    help: 'answer every request with the same bytes, without reading it: for measuring a client',
  }),
  'stop-on-stdin-end': onOff({ help: 'stop when standard input ends: never outlive the process that started it' }),
} as const;

/** How inference requests are served. Those of all kinds, REST and gRPC, pass through it. */
const SERVICE_FLAGS = {
  'service-time': {
    arg: 'TIME',
    help:
      'what a service takes: 5ms; 2ms+0.5ms, so much more per item; exponential:5ms (mean); lognormal:20ms,0.5 ' +
      "(median, sigma of the logarithm) (default: the model's own time)",
    parse(given: string) {
      const model = parseServiceTime(given);
      if (!model) {
        throw new FlagProblem('must be a time such as 5ms, 2ms+0.5ms, exponential:5ms or lognormal:20ms,0.5');
      }
      return model;
    },
  },
  concurrency: whole({
    help: 'services at the same time; more wait, first come first served (default: no limit; 1 with --max-batch)',
  }),
  queue: whole({ min: 0, help: 'requests that may wait for a service; more are refused at once (default: no limit)' }),
  overload: choice(['503', '429'], {
    default: '503',
    arg: 'STATUS',
    help: 'what refused requests are told, over gRPC UNAVAILABLE or RESOURCE_EXHAUSTED',
  }),
  'max-batch': whole({ default: '1', help: 'items of several requests that are served together, in one service time' }),
  'batch-timeout': duration({
    default: '0s',
    help: 'how long a free slot waits for a batch to fill',
  }),
  'cache-ttl': duration({
    minUs: 1,
    help: 'keep answers so long; requests equal in path and body get them without service; X-MLAPI-Cache says Hit or Miss',
  }),
  'cache-entries': whole({
    default: '10000',
    help: 'answers that are kept; the one unused for the longest makes room',
  }),
  seed: whole({
    min: 0,
    max: 2 ** 32 - 1,
    default: '1',
    help: 'of service times and faults: the same seed, the same ones in order',
  }),
} as const;

/** Faults that a client has to cope with, in inference requests alone. */
const FAULT_FLAGS = {
  'error-rate': share('share of requests that get 500 (gRPC INTERNAL) at once'),
  'reset-rate': share('share of requests whose connection is reset instead of an answer'),
  stall: {
    arg: 'TIME/EVERY',
    help: 'such as 2s/60s: for the last 2s of every 60s nothing is worked on and no answer leaves',
    parse(given: string): Stall {
      const [stall = '', every = '', ...more] = given.split('/');
      const stallUs = parseDurationUs(stall);
      const everyUs = parseDurationUs(every);
      if (!stallUs || !everyUs || more.length > 0 || stallUs >= everyUs) {
        throw new FlagProblem('must be a stall and the longer time in which there is one of them, such as 2s/60s');
      }
      return { stallUs, everyUs };
    },
  },
  'slow-body': whole({
    arg: 'BYTES',
    help: 'bytes per second at which the body of an answer leaves; a gRPC message leaves whole, as much later',
  }),
} as const;

type ServiceFlags = FlagValues<typeof SERVICE_FLAGS & typeof FAULT_FLAGS>;

/** Flags that do nothing without one of others. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  queue: ['concurrency', 'max-batch'],
  overload: ['queue'],
  'batch-timeout': ['max-batch'],
  'cache-entries': ['cache-ttl'],
};

function share<const Help extends string>(help: Help) {
  return {
    arg: 'SHARE',
    default: '0',
    help,
    parse(given: string): number {
      const value = Number(given);
      if (!/^\d+(\.\d+)?$/.test(given) || value > 1) {
        throw new FlagProblem('must be a share from 0 to 1, such as 0.01');
      }
      return value;
    },
  };
}

/** What a user can ask each kind for first, with a plain GET. */
const TRY_PATHS: Readonly<Record<ServerKind, string>> = {
  sentiment: '/?query=I+love+this',
  predict: '/health',
  'tf-serving': '/v1/models/mnist',
  oip: '/v2/models/mnist',
  torchserve: '/ping',
  openai: '/v1/models',
  all: '/?query=I+love+this',
};

const KIND = choice(SERVER_KINDS, { help: 'the server' });
const DEFAULT_KIND: ServerKind = 'sentiment';

/** `serve`: the embedded inference server as a process of its own. */
export const serve: Command = {
  summary: 'the embedded inference server',
  operands: '[kind]',
  flags: { Server: FLAGS, Service: SERVICE_FLAGS, Faults: FAULT_FLAGS },
  examples: [
    ['serve', 'tweets to sentiment: GET /?query=TEXT on port 8501'],
    ['serve predict', 'texts to sentiment in batches: POST /predict {"text":[TEXT, ...]}'],
    ['serve tf-serving', 'the digit model "mnist" as TensorFlow Serving: REST on 8501, gRPC on 8500'],
    ['serve oip', 'the same model behind the Open Inference Protocol v2: REST on 8501, gRPC on 8500'],
    ['serve torchserve', 'the same model as TorchServe: POST /predictions/mnist on port 8501'],
    ['serve openai', 'a language model without a language behind the OpenAI API, streaming, on port 8501'],
    ['serve all', 'every kind at once; GET / is sentiment, /metrics has figures for Prometheus, as with any kind'],
    ['serve oip --service-time 20ms --concurrency 2 --queue 100', 'two services of 20 ms at a time, 100 may wait'],
    ['serve tf-serving --service-time 5ms+1ms --max-batch 8 --batch-timeout 2ms', 'a server that batches'],
    ['serve predict --cache-ttl 60s --error-rate 0.01 --stall 2s/60s', 'a cache, and faults'],
    ['serve --port 0 --truth-log truth.csv', 'any free port, and a log to check a client against'],
  ],
  notes: `Kinds: ${SERVER_KINDS.join(', ')} (default ${DEFAULT_KIND}).

Inference requests pass: faults, cache, queue, batch, service time. A wrong request is refused without
service. With all, each kind has its own slots, queue and cache; a path that several have is the first
kind's in the list above, TensorFlow Serving's last.

Truth log: id,recv_ns,send_ns,batch,status, one line per inference request; id is the client's
x-request-id, times are nanoseconds of CLOCK_MONOTONIC, status is -1 for a connection reset on
request. Stop the server with Ctrl-C.`,

  async act(io, input) {
    const problems: string[] = [];
    const { json, quiet } = readFlags(COMMON_FLAGS, input.given, problems);
    const flags = readFlags(FLAGS, input.given, problems);
    const how = readFlags({ ...SERVICE_FLAGS, ...FAULT_FLAGS }, input.given, problems);
    const kind = readKind(input.operands, problems);
    problems.push(...contradictions(new Set(input.given.keys()), how));
    if (input.problems.length + problems.length > 0) {
      throw usageError([...input.problems, ...problems]);
    }

    const stopping = waitForStop(io, flags['stop-on-stdin-end']);
    try {
      const server = await startServer(kind, {
        host: flags.host,
        port: flags.port,
        grpcPort: flags['grpc-port'],
        behaviour: behaviourOf(how),
        overload: how.overload === '429' ? 429 : 503,
        bodyBytesPerS: how['slow-body'],
        fixedAnswer: flags['fixed-answer'],
        ...(flags['truth-log'] !== undefined && { truthLog: resolve(io.cwd, flags['truth-log']) }),
        // Serving on without the log would waste the run: closing reports it.
        onFailure: stopping.stop,
      });
      announce(io, kind, server, { json, quiet });
      await stopping.stopped;
      await server.close();
      return EXIT.ok;
    } finally {
      stopping.cancel();
    }
  },
};

/** Flags that have no effect together with the others, or without them. */
function contradictions(given: ReadonlySet<string>, how: ServiceFlags): readonly string[] {
  const needs = Object.entries(NEEDS)
    .filter(([flag, others]) => given.has(flag) && !others.some((other) => given.has(other)))
    .map(([flag, others]) => `--${flag} has no effect without ${others.map((other) => `--${other}`).join(' or ')}`);
  const service = [...Object.keys(SERVICE_FLAGS), ...Object.keys(FAULT_FLAGS)].filter((flag) => given.has(flag));
  const fixed = given.has('fixed-answer')
    ? service.map((flag) => `--${flag} has no effect with --fixed-answer, which reads no request`)
    : [];
  const rates = how['error-rate'] + how['reset-rate'];
  return [
    ...needs,
    ...fixed,
    ...(rates > 1 ? [`--error-rate and --reset-rate must be at most 1 together: got ${rates}`] : []),
  ];
}

function behaviourOf(how: ServiceFlags): Behaviour {
  const maxBatch = how['max-batch'];
  const ttlUs = how['cache-ttl'];
  return {
    seed: how.seed,
    serviceTime: how['service-time'],
    // Without a limit every request would be served as it comes, and no batch be filled.
    concurrency: how.concurrency ?? (maxBatch > 1 ? 1 : Number.POSITIVE_INFINITY),
    queueLimit: how.queue ?? Number.POSITIVE_INFINITY,
    maxBatch,
    batchTimeoutUs: how['batch-timeout'],
    cache: ttlUs === undefined ? undefined : { ttlUs, maxEntries: how['cache-entries'] },
    stall: how.stall,
    errorRatio: how['error-rate'],
    resetRatio: how['reset-rate'],
  };
}

function readKind([word = DEFAULT_KIND, ...more]: readonly string[], problems: string[]): ServerKind {
  if (more.length > 0) {
    problems.push(`Cannot serve more than one kind: got ${[word, ...more].join(', ')}`);
  }
  const read = readFlags({ kind: KIND }, new Map([['kind', [word]]]), problems, () => 'the kind of server');
  return read.kind ?? DEFAULT_KIND;
}

interface Stopping {
  /** Resolves at the first reason to stop. */
  readonly stopped: Promise<void>;
  stop(): void;
  /** Lets go of signals and standard input, which would keep the process alive. */
  cancel(): void;
}

function waitForStop(io: Io, onStdinEnd: boolean): Stopping {
  let stop: () => void = () => {};
  const stopped = new Promise<void>((done) => {
    stop = done;
  });
  const unsubscribe = io.onStop(stop);
  const ends = ['end', 'close', 'error'];
  if (onStdinEnd) {
    for (const end of ends) {
      io.stdin.on(end, stop);
    }
    io.stdin.resume();
  }
  return {
    stopped,
    stop,
    cancel() {
      unsubscribe();
      if (onStdinEnd) {
        io.stdin.pause();
        for (const end of ends) {
          io.stdin.off(end, stop);
        }
      }
    },
  };
}

interface Announcement {
  readonly json: boolean;
  readonly quiet: boolean;
}

function announce(io: Io, kind: ServerKind, { endpoints }: RunningServer, { json, quiet }: Announcement): void {
  const lines = json
    ? [JSON.stringify({ kind, ...endpoints })]
    : Object.values(endpoints).map((url) => `${kind}  ${url}`);
  io.stdout.write(`${lines.join('\n')}\n`);
  if (!quiet) {
    io.stderr.write(`try: curl '${endpoints.http}${TRY_PATHS[kind]}'\n`);
  }
}
