/** Load generators for gRPC, each used where it is found on PATH and sent at the same call. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WireRequest } from '../../src/protocols/protocol.js';
import type { Throughput } from './peers.js';
import { CLIENT_CORE, type CommandLine, has, pinned, run } from './processes.js';

export interface GrpcJob {
  readonly request: WireRequest;
  readonly port: number;
  /** Calls in flight. */
  readonly streams: number;
  readonly directory: string;
}

/** h2load with all calls on one connection; undefined where it is not installed. */
export function h2load(): ((job: GrpcJob, seconds: number) => Promise<Throughput>) | undefined {
  if (!has('h2load')) {
    console.error('h2load is not on PATH: left out');
    return undefined;
  }
  return async ({ request, port, streams, directory }, seconds) => {
    const message = request.body as Buffer;
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    const file = join(directory, 'call');
    writeFileSync(file, Buffer.concat([prefix, message]));
    const headers = ['content-type: application/grpc', 'te: trailers', 'grpc-timeout: 10000000u'];
    const line: CommandLine = [
      'h2load',
      ...['-D', String(Math.ceil(seconds)), '-c', '1', '-m', String(streams), '-t', '1', '-d', file],
      ...headers.flatMap((header) => ['-H', header]),
      `http://127.0.0.1:${port}${request.path}`,
    ];
    const { stdout, stderr, cpuS } = await run(pinned(CLIENT_CORE, line), { limitS: seconds + 30 });
    const requests = Number(/(\d+) succeeded, 0 failed, 0 errored, 0 timeout/.exec(stdout)?.[1]);
    if (!(requests > 0) || !new RegExp(`status codes: ${requests} 2xx`).test(stdout)) {
      throw new Error(`h2load: ${stdout.slice(-1_500)}${stderr}`);
    }
    return { requests, perS: requests / Math.ceil(seconds), cpuS };
  };
}

/** k6, which has a connection per user; undefined where it is not installed. */
export function k6Grpc(): ((job: GrpcJob, seconds: number) => Promise<Throughput>) | undefined {
  if (!has('k6', ['version'])) {
    console.error('k6 is not on PATH: left out');
    return undefined;
  }
  return async ({ port, streams, directory }, seconds) => {
    const protos = fileURLToPath(new URL('../../protos', import.meta.url));
    const file = join(directory, 'call.js');
    writeFileSync(
      file,
      `import grpc from 'k6/net/grpc';
import { check } from 'k6';
const client = new grpc.Client();
client.load([${JSON.stringify(protos)}], 'tensorflow_serving/prediction_service.proto');
const images = {
  dtype: 'DT_FLOAT',
  tensor_shape: { dim: [{ size: 1 }, { size: 784 }] },
  tensor_content: ${JSON.stringify(Buffer.alloc(784 * 4).toString('base64'))},
};
const message = { model_spec: { name: 'mnist', signature_name: 'predict_images' }, inputs: { images } };
export const options = { vus: ${streams}, duration: '${seconds}s' };
export default () => {
  if (__ITER === 0) client.connect('127.0.0.1:${port}', { plaintext: true });
  check(client.invoke('tensorflow.serving.PredictionService/Predict', message), { ok: (r) => r.status === grpc.StatusOK });
};
`,
    );
    const line: CommandLine = ['k6', 'run', '--quiet', '--no-usage-report', file];
    const { stdout, stderr, cpuS } = await run(pinned(CLIENT_CORE, line), { limitS: seconds + 30 });
    const requests = Number(/iterations\.*:\s+(\d+)/.exec(stdout)?.[1]);
    if (!(requests > 0) || !/checks[^\n]*100(\.0+)?%/.test(stdout)) {
      throw new Error(`k6: ${stdout.slice(-1_500)}${stderr.slice(-500)}`);
    }
    return { requests, perS: requests / seconds, cpuS };
  };
}
