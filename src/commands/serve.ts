import { resolve } from 'node:path';
import { EXIT, usageError } from '../errors.js';
import { choice, onOff, readFlags, text, whole } from '../flags.js';
import type { Io } from '../io.js';
import { type RunningServer, SERVER_KINDS, type ServerKind, startServer } from '../server/index.js';
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

/** What a user can ask each kind for first, with a plain GET. */
const TRY_PATHS: Readonly<Record<ServerKind, string>> = {
  sentiment: '/?query=I+love+this',
  predict: '/health',
  'tf-serving': '/v1/models/mnist',
  oip: '/v2/models/mnist',
  torchserve: '/ping',
  openai: '/v1/models',
};

const KIND = choice(SERVER_KINDS, { help: 'the server' });

/** `serve`: the embedded inference server as a process of its own. */
export const serve: Command = {
  summary: 'the embedded inference server',
  operands: `[${SERVER_KINDS.join('|')}]`,
  flags: { Server: FLAGS },
  examples: [
    ['serve', 'tweets to sentiment: GET /?query=TEXT on port 8501'],
    ['serve predict', 'texts to sentiment in batches: POST /predict {"text":[TEXT, ...]}'],
    ['serve tf-serving', 'the digit model "mnist" as TensorFlow Serving: REST on 8501, gRPC on 8500'],
    ['serve oip', 'the same model behind the Open Inference Protocol v2: REST on 8501, gRPC on 8500'],
    ['serve torchserve', 'the same model as TorchServe: POST /predictions/mnist on port 8501'],
    ['serve openai', 'a language model without a language behind the OpenAI API, streaming, on port 8501'],
    ['serve --port 0 --truth-log truth.csv', 'any free port, and a log to check a client against'],
  ],
  notes: `Truth log: id,recv_ns,send_ns,batch,status, one line per inference request; id is the client's
x-request-id, times are nanoseconds of CLOCK_MONOTONIC. Stop the server with Ctrl-C.`,

  async act(io, input) {
    const problems: string[] = [];
    const { json, quiet } = readFlags(COMMON_FLAGS, input.given, problems);
    const flags = readFlags(FLAGS, input.given, problems);
    const kind = readKind(input.operands, problems);
    if (input.problems.length + problems.length > 0) {
      throw usageError([...input.problems, ...problems]);
    }

    const stopping = waitForStop(io, flags['stop-on-stdin-end']);
    try {
      const server = await startServer(kind, {
        host: flags.host,
        port: flags.port,
        grpcPort: flags['grpc-port'],
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

function readKind([word = 'sentiment', ...more]: readonly string[], problems: string[]): ServerKind {
  if (more.length > 0) {
    problems.push(`Cannot serve more than one kind: got ${[word, ...more].join(', ')}`);
  }
  const read = readFlags({ kind: KIND }, new Map([['kind', [word]]]), problems, () => 'the kind of server');
  return read.kind ?? 'sentiment';
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
