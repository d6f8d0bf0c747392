import type { GrpcService } from './grpc.js';
import { healthService } from './grpc-health.js';
import { reflectionServices } from './grpc-reflection.js';

/** The services of a server and what every gRPC server is expected to have beside them: health and reflection. */
export function withCommonServices(own: readonly GrpcService[]): readonly GrpcService[] {
  const health = healthService(own.map(nameOf));
  const services = [...own, health];
  const files = [...new Set(services.map(({ file }) => file))];
  return [...services, ...reflectionServices(services.map(nameOf), files)];
}

/** `package.Service`, which the paths of its methods begin with. */
function nameOf({ definition }: GrpcService): string {
  return Object.values(definition)[0]?.path.split('/')[1] ?? '';
}
