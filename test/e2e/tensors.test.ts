import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/datasets/index.js';
import { type RunningServer, startServer } from '../../src/server/index.js';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRun } from '../support/cli.js';

const SHORT = ['--pattern', 'constant', '--users', '1', '--duration', '300ms', '--think-time', '20ms', '--out', 'run'];
const LABELS = fileURLToPath(new URL('../../datasets/digits-labels.idx1-ubyte.gz', import.meta.url));

let tf: RunningServer;
let oip: RunningServer;
beforeAll(async () => {
  const anyPort = { host: '127.0.0.1', port: 0, grpcPort: 0 };
  [tf, oip] = await Promise.all([startServer('tf-serving', anyPort), startServer('oip', anyPort)]);
});
afterAll(() => Promise.all([tf.close(), oip.close()]));

const urlOf = (protocol: string) => {
  const { endpoints } = protocol.startsWith('tf') ? tf : oip;
  return String(protocol.endsWith('rest') ? endpoints.http : endpoints.grpc);
};

describe('inputs of the server’s own metadata', () => {
  it.each(['tf-serving-rest', 'tf-serving-grpc', 'oip-rest', 'oip-grpc'])('are made for %s', async (protocol) => {
    const cwd = newDirectory();
    const end = await cli(
      ['run', urlOf(protocol), '--protocol', protocol, '--dataset', 'synthetic', '--batch-size', '4', ...SHORT],
      { cwd },
    );
    expect(end.stderr).toContain('inputs: images FP32 [-1,784]');
    expect(end.code).toBe(0);
    const { summary, plan, samples } = readRun(join(cwd, 'run'));
    expect(summary.counts.failed).toBe(0);
    expect(plan.dataset).toEqual({ name: 'synthetic', items: 256 });
    expect(samples.every(({ batch }) => batch === '4')).toBe(true);
    expect(summary.latency_per_item.p50_ms).toBeCloseTo(summary.latency.p50_ms / 4, 6);
  });

  it.each([
    ['tf-serving-rest', ['--model', 'resnet'], '(status 404) Servable not found for request: Latest(resnet)'],
    ['tf-serving-grpc', ['--model', 'resnet'], 'Servable not found for request: Latest(resnet)'],
    ['tf-serving-rest', ['--signature', 'nope'], 'no signature "nope", but predict_images'],
    ['tf-serving-grpc', ['--version-label', 'nope', '--model', 'x'], 'Unrecognized servable version label: nope'],
    ['oip-rest', ['--model', 'resnet'], "(status 404) Request for unknown model: 'resnet' is not found"],
    ['oip-grpc', ['--model', 'resnet'], "Request for unknown model: 'resnet' is not found"],
    ['tf-serving-rest', ['--input', 'nope'], 'Cannot use --input nope: the model takes "images"'],
    ['oip-grpc', ['--input', 'nope', '--dataset', 'digits'], 'Cannot use --input nope: the model takes "images"'],
    ['tf-serving-grpc', ['--signature', 'nope'], 'Cannot use the model: The model has no signature "nope"'],
    ['oip-grpc', ['--dataset', 'tweets'], 'input "images" of the model takes FP32, the items are BYTES'],
    ['tf-serving-rest', ['--call', 'regress', '--dataset', 'synthetic'], 'name the inputs with --dataset'],
    ['tf-serving-rest', ['--call', 'regress', '--model', 'x', '--dataset', 'digits'], 'Latest(x)'],
    ['tf-serving-grpc', ['--call', 'classify', '--signature', 'nope', '--dataset', 'digits'], 'no signature "nope"'],
    ['tf-serving-rest', ['--model-version', '9'], 'Servable not found for request: Specific(mnist, 9)'],
    ['oip-grpc', ['--model-version', '9'], "Request for unknown model: 'mnist'"],
    ['tf-serving-rest', ['--model-version', '1', '--version-label', 'x'], 'exclude each other'],
  ])('%s %j is refused before any load', async (protocol, words, problem) => {
    const end = await cli(['run', urlOf(protocol), '--protocol', protocol, ...words, ...SHORT]);
    expect(end.stderr).toContain(problem);
    expect([end.code, end.stdout]).toEqual([2, '']);
  });
});

describe('a server that answers everything alike', () => {
  afterAll(closeAnswering);

  it.each([
    ['shape', 2, 'Cannot use the model: Wanted the metadata of a model'],
    ['none', 0, ''],
  ])('with --check %s: exit %d', async (check, code, problem) => {
    const url = await serverOf((_request, response) => response.end('{"predictions":[[0,1]]}'));
    const words = ['--protocol', 'tf-serving-rest', '--dataset', 'digits', '--check', check];
    const end = await cli(['run', url, ...words, ...SHORT]);
    expect(end.stderr).toContain(problem);
    expect(end.code).toBe(code);
  });
});

describe('a model that is not ours', () => {
  /** A server of one model with an input of every datatype, which looks at what comes. */
  async function everyTypeServer() {
    const load = loadSync('inference/inference.proto', {
      keepCase: true,
      longs: Number,
      defaults: true,
      bytes: Buffer,
      includeDirs: [fileURLToPath(new URL('../../protos', import.meta.url))],
    });
    const service = load['inference.GRPCInferenceService'] as ServiceDefinition;
    const seen: Readonly<Record<string, string>>[] = [];
    const server = new Server();
    server.addService(service, {
      ModelReady: (_call: unknown, answer: (error: null, message: object) => void) => answer(null, { ready: true }),
      ModelMetadata: (_call: unknown, answer: (error: null, message: object) => void) =>
        answer(null, {
          name: 'resnet',
          inputs: Object.keys(BYTES_EACH).map((datatype) => ({
            name: datatype.toLowerCase(),
            datatype,
            shape: [-1, 3, -1],
          })),
        }),
      ModelInfer: (call: { request: InferRequest }, answer: (error: null, message: object) => void) => {
        const { inputs, raw_input_contents: raws } = call.request;
        seen.push(
          Object.fromEntries(
            inputs.map(({ name, datatype, shape }, index) => [name, `${datatype} [${shape}] ${raws[index]?.length}`]),
          ),
        );
        const output = { name: 'o', datatype: 'FP32', shape: [2, 1] };
        answer(null, { model_name: 'resnet', outputs: [output], raw_output_contents: [Buffer.alloc(8)] });
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return { url: `grpc://127.0.0.1:${port}`, seen, close: () => server.forceShutdown() };
  }

  it('needs its name and nothing else', async () => {
    const { url, seen, close } = await everyTypeServer();
    const words = ['--protocol', 'oip-grpc', '--model', 'resnet', '--batch-size', '2', '--wait-ready', '5s'];
    const end = await cli(['run', url, ...words, ...SHORT]);
    close();
    expect(end.code).toBe(0);
    expect(seen.length).toBeGreaterThan(3);
    // Two items of the shape [3, 1], raw.
    const wanted = Object.entries(BYTES_EACH).map(([type, bytes]) => [
      type.toLowerCase(),
      `${type} [2,3,1] ${6 * bytes}`,
    ]);
    for (const request of seen) {
      expect(request).toEqual(Object.fromEntries(wanted));
    }
  });
});

/** Bytes of an element of each datatype; words have sixteen letters behind their length. */
const BYTES_EACH = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 20,
};

interface InferRequest {
  readonly inputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  readonly raw_input_contents: readonly Buffer[];
}

describe('--check', () => {
  const run = (protocol: string, ...words: readonly string[]) => {
    const cwd = newDirectory();
    return { cwd, end: cli(['run', urlOf(protocol), '--protocol', protocol, ...words, ...SHORT], { cwd }) };
  };

  it.each([
    ['oip-grpc', 'first'],
    ['tf-serving-rest', 'first'],
  ])('finds the answers of a model right: %s, %s', async (protocol, check) => {
    const { cwd, end } = run(protocol, '--check', check);
    expect((await end).code).toBe(0);
    expect(readRun(join(cwd, 'run')).summary.correct_rate).toBe(1);
  });

  it('counts what the model gets wrong by golden labels', async () => {
    const { cwd, end } = run('oip-rest', '--check', LABELS, '--batch-size', '8');
    const { code, stdout } = await end;
    const { summary, samples } = readRun(join(cwd, 'run'));
    const wrong = samples.filter(({ outcome }) => outcome === 'wrong_output').length;
    const compared = summary.counts.ok + wrong;
    expect(compared).toBe(samples.length);
    expect(summary.correct_rate).toBeCloseTo(summary.counts.ok / compared, 12);
    // The model knows most digits.
    expect(summary.correct_rate).toBeGreaterThan(0.3);
    expect(stdout).toContain('% right of those that were compared');
    expect([0, 4]).toContain(code);
  });

  it('says which answer was wrong', async () => {
    const cwd = newDirectory();
    writeFileSync(join(cwd, 'wrong.txt'), 'no such label\n'.repeat(openDataset('digits', '/').size));
    const end = await cli(['run', urlOf('oip-rest'), '--protocol', 'oip-rest', '--check', 'wrong.txt', ...SHORT], {
      cwd,
    });
    expect(end.stdout).toContain('wrong_output');
    // Nothing was right: no measurement of anything.
    expect(end.code).toBe(4);
  });

  it('has a tolerance and refuses another word', async () => {
    const end = await cli(['run', '--check', 'shap', '--tolerance', '2']);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('--tolerance');
  });
});

describe('--wait-ready', () => {
  it('waits for the model, and runs', async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      const ready = request.url?.endsWith('/ready') ? ++asked > 2 : true;
      response.writeHead(ready ? 200 : 400).end(request.method === 'POST' ? ANSWER : '');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const end = await cli(['run', url, '--protocol', 'oip-rest', '--wait-ready', '30s', ...SHORT]);
    server.closeAllConnections();
    server.close();
    expect(end.code).toBe(0);
    expect(asked).toBe(3);
  });

  it('ends with the last answer when its time is over', async () => {
    const end = await cli([
      'run',
      urlOf('oip-grpc'),
      '--protocol',
      'oip-grpc',
      '--model',
      'x',
      '--wait-ready',
      '500ms',
      ...SHORT,
    ]);
    expect(end.code).toBe(3);
    expect(end.stderr).toContain('Not ready after 500ms');
    expect(end.stderr).toContain('Model "x" is not ready');
  });

  it('takes a refused connection for not yet', async () => {
    const end = await cli(['run', 'http://127.0.0.1:9', '--wait-ready', '300ms', ...SHORT]);
    expect(end.code).toBe(3);
    expect(end.stderr).toContain('connection refused');
  });
});

const ANSWER = JSON.stringify({
  model_name: 'mnist',
  outputs: [{ name: 'scores', datatype: 'FP32', shape: [1, 10], data: new Array(10).fill(0.1) }],
});

describe('the server’s statistics', () => {
  it('are read before and after the run, and their difference is told', async () => {
    let inferred = 0;
    const duration = (ms: number) => ({ count: inferred, ns: inferred * ms * 1e6 });
    const server = createServer((request, response) => {
      if (request.method === 'POST') {
        inferred++;
        response.end(ANSWER);
        return;
      }
      const stats = {
        name: 'mnist',
        version: '1',
        inference_count: 1000 + 4 * inferred,
        execution_count: 500 + inferred,
        inference_stats: {
          success: duration(10),
          fail: { count: 0, ns: 0 },
          queue: duration(2),
          compute_input: duration(1),
          compute_infer: duration(5),
          compute_output: duration(0.5),
        },
      };
      const known = request.url === '/v2/models/mnist/stats';
      response.writeHead(known ? 200 : 404).end(known ? JSON.stringify({ model_stats: [stats] }) : '');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const cwd = newDirectory();
    const end = await cli(['run', url, '--protocol', 'oip-rest', ...SHORT], { cwd });
    server.closeAllConnections();
    server.close();
    const { server_side: side, service_time: service } = readRun(join(cwd, 'run')).summary;
    expect(side).toMatchObject({
      success_n: inferred,
      executions_n: inferred,
      batch_mean: 4,
      queue_mean_ms: 2,
      compute_infer_mean_ms: 5,
      cache_hits_n: 0,
    });
    expect(side.rest_mean_ms).toBeCloseTo(Math.max(0, service.mean_ms - 8.5), 6);
    expect(end.stdout).toContain('queue 2.000, input 1.000, infer 5.000, output 0.500');
  });

  it.each(['oip-rest', 'oip-grpc'])('of the embedded server count what was sent: %s', async (protocol) => {
    const cwd = newDirectory();
    const end = await cli(['run', urlOf(protocol), '--protocol', protocol, '--batch-size', '4', ...SHORT], { cwd });
    expect(end.code).toBe(0);
    const { server_side: side, counts, service_time: service } = readRun(join(cwd, 'run')).summary;
    expect(side.success_n).toBe(counts.ok);
    expect(side.inferences_n).toBe(4 * counts.ok);
    expect(side.compute_infer_mean_ms).toBeGreaterThan(0);
    expect(side.compute_infer_mean_ms).toBeLessThan(service.mean_ms);
  });

  it('are silently absent elsewhere', async () => {
    const cwd = newDirectory();
    const end = await cli(['run', urlOf('tf-serving-rest'), '--protocol', 'tf-serving-rest', ...SHORT], { cwd });
    expect(end.code).toBe(0);
    expect(readRun(join(cwd, 'run')).summary.server_side).toBeNull();
  });
});
