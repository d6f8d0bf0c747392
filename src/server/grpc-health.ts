import type {
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadProtos } from './grpc.js';
import { CODES } from './outcome.js';

/** A service and what answers its calls. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

interface HealthRequest {
  readonly service: string;
}

export const HEALTH_FILE = 'grpc/health/v1/health.proto';
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

/** grpc.health.v1 of a server whose services serve as long as it runs: all of them, and '' for the server. */
export function healthService(services: readonly string[]): GrpcService {
  const known = new Set(['', ...services]);
  return {
    definition: loadProtos(HEALTH_FILE)[HEALTH_SERVICE] as ServiceDefinition,
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
