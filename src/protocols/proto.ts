import { fileURLToPath } from 'node:url';
import type { MessageTypeDefinition, MethodDefinition, Options, PackageDefinition } from '@grpc/proto-loader';
import type { Probe, Reading, WireRequest } from './protocol.js';

/** A gRPC method as two codecs over message bytes. */
export interface GrpcMethod<Request extends object, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  encode(message: Request): Buffer;
  /** Throws on bytes that are no such message. */
  decode(message: Buffer): Response;
}

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));

/** Field names as in the .proto files, 64-bit numbers as text (a number would lose digits), enums by name, absent fields as their defaults. */
const LOADER_OPTIONS: Options = {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
  bytes: Buffer,
  includeDirs: [PROTOS],
};

/** Loads one method of a service from a .proto file of the package. */
export async function grpcMethod<Request extends object, Response>(
  file: string,
  service: string,
  method: string,
): Promise<GrpcMethod<Request, Response>> {
  const definitions = await loaded(file);
  const definition = (definitions[service] as Record<string, MethodDefinition<Request, Response>> | undefined)?.[
    method
  ];
  if (!definition) {
    throw new Error(`${file} has no method ${service}/${method}`);
  }
  return {
    path: definition.path,
    encode: (message) => definition.requestSerialize(message),
    decode: (bytes) => definition.responseDeserialize(bytes),
  };
}

/** Loads the reader of one message from a .proto file of the package; it throws on bytes that are none. */
export async function messageReader<Message extends object>(
  file: string,
  message: string,
): Promise<(bytes: Buffer) => Message> {
  const definition = (await loaded(file))[message] as MessageTypeDefinition<Message, Message> | undefined;
  if (!definition) {
    throw new Error(`${file} has no message ${message}`);
  }
  return (bytes) => definition.deserialize(bytes);
}

async function loaded(file: string): Promise<PackageDefinition> {
  const { load } = await import('@grpc/proto-loader');
  return load(file, LOADER_OPTIONS);
}

/** The request of a call. */
export function callOf<Request extends object>(
  method: Pick<GrpcMethod<Request, unknown>, 'path' | 'encode'>,
  message: Request,
  batch: number,
): WireRequest {
  return { method: 'POST', path: method.path, headers: {}, body: method.encode(message), batch };
}

/** A probe by a call; `read` may throw on bytes that it cannot read. */
export function callProbe<Request extends object, Response, Answer>(
  method: GrpcMethod<Request, Response>,
  message: Request,
  read: (response: Response) => Reading<Answer>,
): Probe<Answer> {
  return {
    request: callOf(method, message, 0),
    read({ response, detail }) {
      if (!response) {
        return { problem: detail };
      }
      try {
        return read(method.decode(response.body));
      } catch (error) {
        return { problem: `Not an answer to ${method.path}: ${(error as Error).message}` };
      }
    },
  };
}
