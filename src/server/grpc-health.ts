import type { ServerUnaryCall, ServerWritableStream, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js';
import { type GrpcService, loadProtos } from './grpc.js';
import { CODES } from './outcome.js';

interface HealthRequest {
  readonly service: string;
}

const FILE = 'grpc/health/v1/health.proto';
const SERVICE = 'grpc.health.v1.Health';

/** grpc.health.v1 of a server whose services serve as long as it runs: all of them, and '' for the server. */
export function healthService(services: readonly string[]): GrpcService {
  const known = new Set(['', ...services, SERVICE]);
  return {
    file: FILE,
    definition: loadProtos(FILE)[SERVICE] as ServiceDefinition,
    handlers: {
      Check({ request }: ServerUnaryCall<HealthRequest, object>, callback: sendUnaryData<object>) {
        if (known.has(request.service)) {
          callback(null, { status: 'SERVING' });
        } else {
          callback({ code: CODES.NOT_FOUND, details: `unknown service ${request.service}` });
        }
      },
      // The state never changes: one message, and the call stays until the client goes or the server stops.
      Watch(call: ServerWritableStream<HealthRequest, object>) {
        call.on('error', () => {});
        call.write({ status: known.has(call.request.service) ? 'SERVING' : 'SERVICE_UNKNOWN' });
      },
    },
  };
}
