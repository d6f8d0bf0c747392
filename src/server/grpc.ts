import { createServer, isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type handleUnaryCall, type Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition, type PackageDefinition } from '@grpc/proto-loader';
import { monotonicNs } from '../clock.js';
import { DRAIN_MS, listenError } from './http.js';
import { CODES, type Outcome, type Refusal, refusal } from './outcome.js';
import type { TruthLog } from './truth-log.js';

/** Where a gRPC server listens and what it writes down. */
export interface GrpcServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly truthLog?: TruthLog | undefined;
}

/** A listening gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Takes no more calls and lets those in flight finish for a few seconds. */
  close(): Promise<void>;
}

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));

/** The real servers take and give messages up to the limit of protobuf; grpc-js would stop at 4 MiB. */
export const SERVER_OPTIONS = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

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

/** Lets a server with its services listen; throws BenchError for an address that cannot be had. */
export async function listenGrpc(server: Server, options: GrpcServerOptions): Promise<GrpcServer> {
  await checkAddress(options);
  const host = isIPv6(options.host) ? `[${options.host}]` : options.host;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) {
        reject(listenError('--grpc-port', options, error));
      } else {
        resolve(bound);
      }
    });
  });

  return {
    port,
    close() {
      return new Promise((resolve) => {
        const giveUp = setTimeout(() => server.forceShutdown(), DRAIN_MS);
        server.tryShutdown(() => {
          clearTimeout(giveUp);
          resolve();
        });
      });
    },
  };
}

/** Listens for a moment: grpc-js would hide the reason of a failure in a text and print it on stderr. */
function checkAddress(options: GrpcServerOptions): Promise<void> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(listenError('--grpc-port', options, error)));
    server.listen({ host, port }, () => server.close(() => resolve()));
  });
}

/**
 * A service whose messages reach the handlers as bytes: a request that is no message must get its line in the truth log
 * too, and the library would answer it on its own.
 */
export function rawService(service: ServiceDefinition) {
  const asBytes = (bytes: Buffer): Buffer => bytes;
  const definition = Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      { ...method, requestDeserialize: asBytes, responseSerialize: asBytes },
    ]),
  ) as ServiceDefinition;

  function handler<Request>(
    name: string,
    answerTo: (request: Request) => Reply,
    truthLog?: TruthLog,
  ): handleUnaryCall<Buffer, Buffer> {
    const method = service[name] as unknown as MethodDefinition<Request, object>;

    function reply(bytes: Buffer): { readonly error?: Refusal; readonly message?: Buffer; readonly batch: number } {
      let request: Request;
      try {
        request = method.requestDeserialize(bytes);
      } catch (error) {
        return { ...refusal('INTERNAL', `Cannot parse the request: ${(error as Error).message}`), batch: 0 };
      }
      try {
        const { answer, batch } = answerTo(request);
        return answer.error
          ? { error: answer.error, batch }
          : { message: method.responseSerialize(answer.value), batch };
      } catch (error) {
        // A fault of ours on one call must not end the server under a running measurement.
        return { ...refusal('INTERNAL', `Internal error: ${(error as Error)?.message ?? error}`), batch: 0 };
      }
    }

    return (call, callback) => {
      const receivedNs = monotonicNs();
      const { error, message, batch } = reply(call.request);
      if (truthLog) {
        const [id] = call.metadata.get('x-request-id');
        truthLog.record({ id, receivedNs, sentNs: monotonicNs(), batch, status: CODES[error?.code ?? 'OK'] });
      }
      if (error) {
        callback({ code: CODES[error.code], details: cut(error.message) });
      } else {
        callback(null, message as Buffer);
      }
    };
  }

  return { definition, handler };
}

function cut(message: string): string {
  if (message.length <= MAX_MESSAGE_LENGTH) {
    return message;
  }
  // Half a surrogate pair at the cut cannot be sent.
  return `${message.slice(0, MAX_MESSAGE_LENGTH).replace(/[\ud800-\udbff]$/, '')}...TRUNCATED`;
}
