import { createHash } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition, type PackageDefinition } from '@grpc/proto-loader';
import { monotonicNs } from '../clock.js';
import { US_PER_S } from '../units.js';
import { BACKLOG, DRAIN_MS, listenError, type SlowBody } from './http.js';
import { CODES, type Outcome, type Refusal, refusal } from './outcome.js';
import type { CacheState, Serve } from './service.js';
import { RESET_STATUS, type TruthLog } from './truth-log.js';

/** What the services of a server share. */
export interface CallOptions {
  /** What inference calls pass through; without it they are answered at once. */
  readonly serve?: Serve<RawReply>;
  readonly truthLog?: TruthLog | undefined;
  /** What a full queue is told by; UNAVAILABLE unless told otherwise. */
  readonly overloadCode?: 'UNAVAILABLE' | 'RESOURCE_EXHAUSTED';
  /** Answers to inference calls leave whole, as much later as their bytes would take. */
  readonly slowBody?: SlowBody | undefined;
  /** Hears of every answer; `endpoint` is the path of the call. */
  readonly count?: (endpoint: string, code: number | 'reset') => void;
  readonly reset: Reset;
}

/** A service and what answers its calls. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** Where a gRPC server listens and what it serves. */
export interface GrpcServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Makes the services. */
  services(reset: Reset): readonly GrpcService[];
}

/** Resets the connection that a call came by, and with it all of its calls. */
export type Reset = (call: Pick<ServerUnaryCall<unknown, unknown>, 'getPeer'>) => void;

/** A listening gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Takes no more calls and lets those in flight finish for a few seconds. */
  close(): Promise<void>;
}

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));

/** The real servers take and give messages up to the limit of protobuf; grpc-js would stop at 4 MiB. */
const SERVER_OPTIONS = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

const MAX_MESSAGE_LENGTH = 1_024;

/** What a call gives, and how many items it carried. */
export interface Reply {
  readonly answer: Outcome<object>;
  readonly batch: number;
}

/** Loads .proto files of the package: names as in the files, 64-bit numbers as text, absent fields as their defaults. */
export function loadProtos(...files: string[]): PackageDefinition {
  return loadSync(files, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    bytes: Buffer,
    includeDirs: [PROTOS],
  });
}

/** Listens and answers calls without TLS; throws BenchError for an address that cannot be had. */
export async function createGrpcServer({ host, port, services }: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server(SERVER_OPTIONS);
  const sockets = new Map<string, Socket>();
  const reset: Reset = (call) => sockets.get(call.getPeer())?.resetAndDestroy();
  for (const { definition, handlers } of services(reset)) {
    server.addService(definition, handlers);
  }
  // Sockets of our own: the library would hide why it cannot listen, and lets nobody reset a connection.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    sockets.set(peer, socket);
    socket.once('close', () => sockets.delete(peer));
    // Without a listener a reset connection would end the process.
    socket.on('error', () => {});
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error) => reject(listenError('--grpc-port', { host, port }, error)));
    listener.listen({ host, port, backlog: BACKLOG }, () => resolve());
  });

  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      const unbound = new Promise<void>((resolve) => listener.close(() => resolve()));
      await new Promise<void>((resolve) => {
        const giveUp = setTimeout(() => server.forceShutdown(), DRAIN_MS);
        server.tryShutdown(() => {
          clearTimeout(giveUp);
          resolve();
        });
      });
      for (const socket of sockets.values()) {
        socket.destroySoon();
      }
      await unbound;
    },
  };
}

/** What goes back for a call. */
export interface RawReply {
  /** The message as it goes over the wire, or why there is none. */
  readonly answer: Outcome<Buffer>;
  readonly batch: number;
}

/**
 * A service whose messages reach the handlers as bytes: a request that is no message must get its line in the truth log
 * too, and the library would answer it on its own.
 */
export function rawService(service: ServiceDefinition, options: CallOptions) {
  const { serve, truthLog, overloadCode = 'UNAVAILABLE', slowBody, count, reset } = options;
  const asBytes = (bytes: Buffer): Buffer => bytes;
  const definition = Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      { ...method, requestDeserialize: asBytes, responseSerialize: asBytes },
    ]),
  ) as ServiceDefinition;

  /** Answers one method; every call of an inference method passes through the service and gets a line in the truth log. */
  function handler<Request>(
    name: string,
    answerTo: (request: Request) => Reply,
    purpose?: 'inference',
  ): handleUnaryCall<Buffer, Buffer> {
    const method = service[name] as unknown as MethodDefinition<Request, object>;
    const isInference = purpose === 'inference';

    function reply(bytes: Buffer): RawReply {
      let request: Request;
      try {
        request = method.requestDeserialize(bytes);
      } catch (error) {
        return { answer: refusal('INTERNAL', `Cannot parse the request: ${(error as Error).message}`), batch: 0 };
      }
      try {
        const { answer, batch } = answerTo(request);
        return { answer: answer.error ? answer : { value: method.responseSerialize(answer.value) }, batch };
      } catch (error) {
        // A fault of ours on one call must not end the server under a running measurement.
        return { answer: refusal('INTERNAL', `Internal error: ${(error as Error)?.message ?? error}`), batch: 0 };
      }
    }

    return (call, callback) => {
      const receivedNs = monotonicNs();

      function record(status: number, batch: number): void {
        if (isInference && truthLog) {
          const [id] = call.metadata.get('x-request-id');
          truthLog.record({ id, receivedNs, sentNs: monotonicNs(), batch, status });
        }
        count?.(method.path, status === RESET_STATUS ? 'reset' : status);
      }
      function send({ answer, batch }: RawReply, cache?: CacheState): void {
        const { error, value } = answer;
        const leave = () => {
          record(CODES[error?.code ?? 'OK'], batch);
          if (error) {
            callback({ code: CODES[error.code], details: cut(error.message) });
          } else {
            callback(null, value);
          }
        };
        if (cache) {
          call.sendMetadata(cacheMetadata(cache));
        }
        if (slowBody && isInference && value) {
          const { clock, bytesPerS } = slowBody;
          const dueUs = clock.nowUs() + (value.length / bytesPerS) * US_PER_S;
          const cancel = clock.at(dueUs, () => {
            call.off('cancelled', giveUp);
            leave();
          });
          // Nobody waits for it any more: a server that is stopped must not either.
          const giveUp = () => {
            cancel();
            record(CODES.CANCELLED, batch);
          };
          call.once('cancelled', giveUp);
        } else {
          leave();
        }
      }
      const refuse = (code: Refusal['code'], message: string) => send({ answer: refusal(code, message), batch: 0 });

      if (!serve || !isInference) {
        send(reply(call.request));
        return;
      }
      const work = {
        key: () => createHash('sha256').update(method.path).update(call.request).digest('hex'),
        run() {
          const value = reply(call.request);
          return { value, items: value.batch, ok: !value.answer.error };
        },
      };
      serve(work, (end) => {
        switch (end.kind) {
          case 'answer':
            send(end.value, end.cache);
            return;
          case 'full':
            refuse(overloadCode, 'The queue is full');
            return;
          case 'error':
            refuse('INTERNAL', 'An error on request');
            return;
          case 'reset':
            record(RESET_STATUS, 0);
            reset(call);
        }
      });
    };
  }

  return { definition, handler };
}

/** The same name and values as over REST. */
function cacheMetadata({ isHit }: CacheState): Metadata {
  const metadata = new Metadata();
  metadata.set('x-mlapi-cache', isHit ? 'Hit' : 'Miss');
  return metadata;
}

function cut(message: string): string {
  if (message.length <= MAX_MESSAGE_LENGTH) {
    return message;
  }
  // Half a surrogate pair at the cut cannot be sent.
  return `${message.slice(0, MAX_MESSAGE_LENGTH).replace(/[\ud800-\udbff]$/, '')}...TRUNCATED`;
}
