import { unlink } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { BenchError, usageError } from '../errors.js';
import { createFixedHttpServer } from './fixed-answer.js';
import { createHttpServer, type Route } from './http.js';
import { createTruthLog, type TruthLog } from './truth-log.js';

/** Where a server listens and what it writes down. */
export interface ServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** 0 = any free port; not used by kinds without gRPC. */
  readonly grpcPort: number;
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

interface GrpcOptions {
  readonly host: string;
  readonly port: number;
  readonly truthLog: TruthLog | undefined;
}

/** A server kind with its model loaded. */
interface Kind {
  readonly routes: readonly Route[];
  readonly maxBodyBytes: number;
  problem(message: string, status: number): string;
  readonly listenGrpc?: (options: GrpcOptions) => Promise<GrpcPart>;
  /** A true answer to some request of one item. */
  fixedAnswer(): string;
  readonly listenFixedGrpc?: (options: GrpcOptions) => Promise<GrpcPart>;
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
    const { blankImagePrediction, createTfServingGrpcServer } = await import('./tf-serving-grpc.js');
    const servable = mnistServable(loadDigitModel());
    return {
      routes: tfServingRoutes(servable),
      maxBodyBytes: TF_SERVING_MAX_BODY_BYTES,
      problem: tfServingProblem,
      listenGrpc: (options) => createTfServingGrpcServer(servable, options),
      fixedAnswer: () => rest.blankImageText(servable),
      listenFixedGrpc: (options) => listenFixed(options, blankImagePrediction(servable)),
    };
  },
  oip: async (): Promise<Kind> => {
    const { loadDigitModel } = await import('./digit-model.js');
    const { mnistOipModel } = await import('./oip.js');
    const rest = await import('./oip-rest.js');
    const { OIP_MAX_BODY_BYTES, oipProblem, oipRoutes } = rest;
    const { blankImageMessage, createOipGrpcServer } = await import('./oip-grpc.js');
    const model = mnistOipModel(loadDigitModel());
    return {
      routes: oipRoutes(model),
      maxBodyBytes: OIP_MAX_BODY_BYTES,
      problem: oipProblem,
      listenGrpc: (options) => createOipGrpcServer(model, options),
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

async function listenFixed(options: GrpcOptions, content: Buffer): Promise<GrpcPart> {
  const { createFixedGrpcServer } = await import('./fixed-grpc.js');
  const { address, close } = await createFixedGrpcServer({ ...options, content });
  return { port: address.port, close };
}

export type ServerKind = keyof typeof KINDS;

/** The names of all kinds, in the order of the help. */
export const SERVER_KINDS = Object.keys(KINDS) as readonly ServerKind[];

/** Starts a server; resolves when it listens. Throws BenchError for a port or file that cannot be had. */
export async function startServer(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const { routes, maxBodyBytes, problem, fixedAnswer, ...parts } = await KINDS[kind]();
  const { host, port, grpcPort } = options;
  const listenGrpc = options.fixedAnswer ? parts.listenFixedGrpc : parts.listenGrpc;
  if (listenGrpc && port !== 0 && port === grpcPort) {
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
  const listenHttp = options.fixedAnswer
    ? createFixedHttpServer({ host, port, content: fixedAnswer(), truthLog })
    : createHttpServer({ host, port, routes, problem, maxBodyBytes, truthLog });
  const http = await listenHttp.catch(collect);
  // The same address as HTTP, so that a name with several addresses does not scatter the two.
  const address = http?.address.address ?? host;
  const grpc = await listenGrpc?.({ host: address, port: grpcPort, truthLog }).catch(collect);

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
      await truthLog?.close();
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
