import { type GrpcService, HEALTH_FILE, HEALTH_SERVICE, healthService } from './grpc-health.js';
import { reflectionServices } from './grpc-reflection.js';

/**
 * What every gRPC server is expected to have beside its own services: health and reflection. `files` of the package
 * define the services.
 */
export function commonServices(services: readonly string[], files: readonly string[]): readonly GrpcService[] {
  const all = [...services, HEALTH_SERVICE];
  return [healthService(all), ...reflectionServices(all, [...files, HEALTH_FILE])];
}
