import { fileURLToPath } from 'node:url';
import type { MethodDefinition, Options } from '@grpc/proto-loader';

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
  const { load } = await import('@grpc/proto-loader');
  const definitions = await load(file, LOADER_OPTIONS);
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
