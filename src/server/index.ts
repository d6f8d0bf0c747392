import { unlink } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { systemClock } from '../clock.js';
import { BenchError, usageError } from '../errors.js';
import { createFixedHttpServer } from './fixed-answer.js';
import type { CallOptions, GrpcService, RawReply, Reset } from './grpc.js';
import {
  type Answer,
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
  type Route,
  type RouteGroup,
} from './http.js';
import { createMetrics, METRICS_TYPE } from './metrics.js';
import { type Behaviour, createService, PLAIN_BEHAVIOUR, type Service } from './service.js';
import type { ServiceTotals } from './totals.js';
import { createTruthLog, type TruthLog } from './truth-log.js';

export type { Behaviour } from './service.js';
export { parseServiceTime } from './service-time.js';
export type { Stall } from './stalls.js';

/** Where a server listens, how it behaves and what it writes down. */
export interface ServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** 0 = any free port; not used by kinds without gRPC. */
  readonly grpcPort: number;
  /** Of each kind by itself; the plain one unless told otherwise. Not with a fixed answer. */
  readonly behaviour?: Behaviour;
  /** What a full queue is told by: 503 and UNAVAILABLE, unless it is 429 and RESOURCE_EXHAUSTED. */
  readonly overload?: 429 | 503;
  /** Bodies of inference answers leave so slowly; absent: at once. */
  readonly bodyBytesPerS?: number | undefined;
  /** Answers every request with the same bytes, without reading it: for measuring a client. */
  readonly fixedAnswer?: boolean;
  /** A new file for what the server saw: one line per request to an inference route. */
  readonly truthLog?: string;
  /** Hears of a truth log that cannot be written any more when it happens; `close` throws the same error. */
  readonly onFailure?: (error: BenchError) => void;
}

/** A server that takes requests. */
export interface RunningServer {
  /** URLs; `grpc` absent where the kind has none. */
  readonly endpoints: { readonly http: string; readonly grpc?: string };
  /** Lets requests in flight finish for a few seconds; throws BenchError when the truth log is not complete on disk. */
  close(): Promise<void>;
}

interface GrpcPart {
  readonly port: number;
  close(): Promise<void>;
}

interface FixedOptions {
  readonly host: string;
  readonly port: number;
  readonly truthLog: TruthLog | undefined;
}

/** A server kind with its model loaded. */
interface Kind extends Omit<RouteGroup, 'serve'> {
  readonly services?: (options: CallOptions) => readonly GrpcService[];
  /** A true answer to some request of one item. */
  fixedAnswer(): string;
  readonly listenFixedGrpc?: (options: FixedOptions) => Promise<GrpcPart>;
}

/** The server kinds. To add one, write its file and its entry; heavy modules load with the kind that needs them. */
const KINDS = {
  sentiment: async (): Promise<Kind> => {
    const { loadSentimentModel } = await import('./sentiment-model.js');
    const sentiment = await import('./sentiment.js');
    const { SENTIMENT_MAX_BODY_BYTES, sentimentProblem, sentimentRoutes } = sentiment;
    const model = loadSentimentModel();
    return {
      routes: sentimentRoutes(model),
      fixedAnswer: () => sentiment.sentimentAnswers(model)('the same for all'),
      maxBodyBytes: SENTIMENT_MAX_BODY_BYTES,
      problem: sentimentProblem,
    };
  },
  predict: async (): Promise<Kind> => {
    const { loadSentimentModel } = await import('./sentiment-model.js');
    const { sentimentProblem } = await import('./sentiment.js');
    const { PREDICT_MAX_BODY_BYTES, predictAnswers, predictRoutes } = await import('./predict.js');
    const model = loadSentimentModel();
    return {
      routes: predictRoutes(model),
      fixedAnswer: () => predictAnswers(model)(['the same for all']),
      maxBodyBytes: PREDICT_MAX_BODY_BYTES,
      problem: sentimentProblem,
    };
  },
  'tf-serving': async (): Promise<Kind> => {
    const { loadDigitModel } = await import('./digit-model.js');
    const { mnistServable } = await import('./tf-serving.js');
    const rest = await import('./tf-serving-rest.js');
    const { TF_SERVING_MAX_BODY_BYTES, tfServingProblem, tfServingRoutes } = rest;
    const { blankImagePrediction, tfServingServices } = await import('./tf-serving-grpc.js');
    const servable = mnistServable(loadDigitModel());
    return {
      routes: tfServingRoutes(servable),
      maxBodyBytes: TF_SERVING_MAX_BODY_BYTES,
      problem: tfServingProblem,
      services: (options) => tfServingServices(servable, options),
      fixedAnswer: () => rest.blankImageText(servable),
      listenFixedGrpc: (options) => listenFixed(options, blankImagePrediction(servable)),
    };
  },
  oip: async (totals: ServiceTotals): Promise<Kind> => {
    const { loadDigitModel } = await import('./digit-model.js');
    const { mnistOipModel } = await import('./oip.js');
    const rest = await import('./oip-rest.js');
    const { OIP_MAX_BODY_BYTES, oipProblem, oipRoutes } = rest;
    const { blankImageMessage, oipServices } = await import('./oip-grpc.js');
    const { statisticsRoutes } = await import('./oip-statistics.js');
    const model = mnistOipModel(loadDigitModel());
    return {
      routes: [...statisticsRoutes(model, totals), ...oipRoutes(model)],
      maxBodyBytes: OIP_MAX_BODY_BYTES,
      problem: oipProblem,
      services: (options) => oipServices(model, totals, options),
      fixedAnswer: () => rest.blankImageAnswer(model),
      listenFixedGrpc: (options) => listenFixed(options, blankImageMessage(model)),
    };
  },
  torchserve: async (): Promise<Kind> => {
    const { loadDigitModel } = await import('./digit-model.js');
    const torchserve = await import('./torchserve.js');
    const { TORCHSERVE_MAX_BODY_BYTES, torchserveProblem, torchserveRoutes } = torchserve;
    const model = loadDigitModel();
    return {
      routes: torchserveRoutes(model),
      fixedAnswer: () => torchserve.torchserveAnswer(model, [new Array(model.inputSize).fill(0)]),
      maxBodyBytes: TORCHSERVE_MAX_BODY_BYTES,
      problem: torchserveProblem,
    };
  },
  openai: async (): Promise<Kind> => {
    const { OPENAI_MAX_BODY_BYTES, openaiFixedAnswer, openaiProblem, openaiRoutes } = await import('./openai.js');
    return {
      routes: openaiRoutes(),
      fixedAnswer: openaiFixedAnswer,
      maxBodyBytes: OPENAI_MAX_BODY_BYTES,
      problem: openaiProblem,
    };
  },
} as const;

async function listenFixed(options: FixedOptions, content: Buffer): Promise<GrpcPart> {
  const { createFixedGrpcServer } = await import('./fixed-grpc.js');
  const { address, close } = await createFixedGrpcServer({ ...options, content });
  return { port: address.port, close };
}

type KindName = keyof typeof KINDS;
const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];

/** A kind, or all of them behind the same two ports. */
export type ServerKind = KindName | 'all';

/** The names of all kinds, in the order of the help. */
export const SERVER_KINDS: readonly ServerKind[] = [...KIND_NAMES, 'all'];

/** Served together, the first kind that wants a path has it: the one that says something to any path is the last. */
const TOGETHER: readonly KindName[] = [...KIND_NAMES.filter((name) => name !== 'tf-serving'), 'tf-serving'];

/** Starts a server; resolves when it listens. Throws BenchError for a port or file that cannot be had. */
export async function startServer(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const names = kind === 'all' ? TOGETHER : [kind];
  const parts = options.fixedAnswer ? await fixedParts(names, options) : await servingParts(names, options);
  const { port, grpcPort } = options;
  if (parts.listenGrpc && port !== 0 && port === grpcPort) {
    throw usageError([`Cannot listen on --grpc-port ${grpcPort}: it is the same as --port`]);
  }
  const truthLog =
    options.truthLog === undefined ? undefined : await createTruthLog(options.truthLog, options.onFailure);

  const problems: BenchError[] = [];
  const collect = (error: unknown): undefined => {
    if (!(error instanceof BenchError)) {
      throw error;
    }
    problems.push(error);
  };
  const http = await parts.listenHttp(truthLog).catch(collect);
  // The same address as HTTP, so that a name with several addresses does not scatter the two.
  const address = http?.address.address ?? options.host;
  const grpc = await parts.listenGrpc?.(truthLog, address).catch(collect);

  if (!http || problems.length > 0) {
    await Promise.all([http?.close(), grpc?.close(), truthLog?.close()]);
    if (options.truthLog !== undefined) {
      // Ours and without a row: left behind, it would refuse the next attempt.
      await unlink(options.truthLog);
    }
    throw joined(problems);
  }
  return {
    endpoints: {
      http: url('http', address, http.address.port),
      ...(grpc && { grpc: url('grpc', address, grpc.port) }),
    },
    async close() {
      await Promise.all([http.close(), grpc?.close()]);
      parts.close();
      await truthLog?.close();
    },
  };
}

/** What listens, ready to. */
interface Parts {
  listenHttp(truthLog: TruthLog | undefined): Promise<HttpServer>;
  readonly listenGrpc?: ((truthLog: TruthLog | undefined, host: string) => Promise<GrpcPart>) | undefined;
  /** Forgets requests that have no answer yet. */
  close(): void;
}

async function fixedParts([name, ...others]: readonly KindName[], options: ServerOptions): Promise<Parts> {
  if (name === undefined || others.length > 0) {
    throw usageError(['Cannot serve all kinds with --fixed-answer: there is one answer: name the kind']);
  }
  const { host, port, grpcPort } = options;
  const { fixedAnswer, listenFixedGrpc } = await KINDS[name](createService(systemClock(), PLAIN_BEHAVIOUR).totals);
  return {
    listenHttp: (truthLog) => createFixedHttpServer({ host, port, content: fixedAnswer(), truthLog }),
    listenGrpc:
      listenFixedGrpc && ((truthLog, address) => listenFixedGrpc({ host: address, port: grpcPort, truthLog })),
    close() {},
  };
}

async function servingParts(names: readonly KindName[], options: ServerOptions): Promise<Parts> {
  const { host, port, grpcPort, behaviour = PLAIN_BEHAVIOUR, overload = 503, bodyBytesPerS } = options;
  const clock = systemClock();
  const services = new Map<string, Service>(names.map((name) => [name, createService(clock, behaviour)]));
  const metrics = createMetrics(services);
  const slowBody = bodyBytesPerS === undefined ? undefined : { bytesPerS: bodyBytesPerS, clock };
  const kinds = await Promise.all(
    names.map(async (name) => {
      const service = services.get(name) as Service;
      return { service, kind: await KINDS[name](service.totals) };
    }),
  );
  const figures: Route = {
    method: 'GET',
    path: '/metrics',
    answer: () => ({ status: 200, type: METRICS_TYPE, body: metrics.text() }),
  };
  const groups: readonly RouteGroup[] = kinds.map(({ service, kind: { routes, problem, maxBodyBytes } }) => ({
    routes: [figures, ...routes],
    problem,
    maxBodyBytes,
    serve: service.entrance<Answer>(),
  }));
  const withGrpc = kinds.filter(({ kind }) => kind.services);

  return {
    listenHttp: (truthLog) =>
      createHttpServer({
        host,
        port,
        groups: groups as HttpServerOptions['groups'],
        truthLog,
        overloadStatus: overload,
        slowBody,
        count: (endpoint, status) => metrics.count('http', endpoint, status),
      }),
    listenGrpc:
      withGrpc.length === 0
        ? undefined
        : async (truthLog, address) => {
            const { createGrpcServer } = await import('./grpc.js');
            const servicesOf = (reset: Reset) =>
              withGrpc.flatMap(
                ({ service, kind }) =>
                  kind.services?.({
                    serve: service.entrance<RawReply>(),
                    truthLog,
                    overloadCode: overload === 429 ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE',
                    slowBody,
                    count: (endpoint, code) => metrics.count('grpc', endpoint, code),
                    reset,
                  }) ?? [],
              );
            return createGrpcServer({ host: address, port: grpcPort, services: servicesOf });
          },
    close() {
      for (const service of services.values()) {
        service.close();
      }
    },
  };
}

function joined(problems: readonly BenchError[]): BenchError {
  const [first] = problems;
  // A host that is wrong is wrong for both ports.
  const messages = [...new Set(problems.map(({ message }) => message))];
  return usageError(messages, { ...(first?.hint && { hint: first.hint }), cause: first?.cause });
}

function url(scheme: 'http' | 'grpc', address: string, port: number): string {
  return `${scheme}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
