import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';

const RUN = [
  '--batch-size',
  '4',
  '--pattern',
  'constant',
  '--users',
  '1',
  '--duration',
  '1s',
  '--think-time',
  '50ms',
  '--json',
];

/** A batch as an independent server reads it: four images, no two alike, none empty. */
function expectFourImages(images: readonly (readonly number[])[]): void {
  expect(images.map(({ length }) => length)).toEqual([784, 784, 784, 784]);
  expect(new Set(images.map((image) => image.join())).size).toBe(4);
  for (const image of images) {
    expect(Math.max(...image)).toBeLessThanOrEqual(1);
    expect(Math.max(...image)).toBeGreaterThan(0.5);
    expect(Math.min(...image)).toBe(0);
  }
}

describe('a batch of four images', () => {
  it('arrives over REST as four different lists of 784', async () => {
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      const body = await new Response(request as never).text();
      if (request.method === 'GET') {
        // The question for the metadata, which it does not have.
        response.writeHead(404).end();
        return;
      }
      bodies.push(body);
      response.end(JSON.stringify({ predictions: Array.from({ length: 4 }, () => new Array(10).fill(0.1)) }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const end = await cli(['run', url, '--protocol', 'tf-serving-rest', ...RUN]);
    server.closeAllConnections();
    server.close();
    expect(end.code).toBe(0);
    expect(bodies.length).toBeGreaterThan(5);
    for (const body of bodies) {
      const { signature_name, instances } = JSON.parse(body);
      expect(signature_name).toBe('predict_images');
      expectFourImages(instances);
    }
  });

  it('arrives over gRPC as one tensor [4, 784] of four different images', async () => {
    const messages: Buffer[] = [];
    const server = new Server();
    server.register(
      '/tensorflow.serving.PredictionService/Predict',
      (call: { request: Buffer }, answer: (error: null, message: Buffer) => void) => {
        messages.push(call.request);
        // PredictResponse: outputs {"scores": DT_FLOAT [4], float_val 0 0 0 0}.
        answer(
          null,
          Buffer.from('0a240a0673636f726573121a080112041202080428002a10000000000000000000000000000000', 'hex'),
        );
      },
      (message: Buffer) => message,
      (message: Buffer) => message,
      'unary',
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const end = await cli([
      'run',
      `grpc://127.0.0.1:${port}`,
      '--protocol',
      'tf-serving-grpc',
      '--check',
      'none',
      ...RUN,
    ]);
    server.forceShutdown();
    expect(end.code).toBe(0);
    expect(messages.length).toBeGreaterThan(5);
    // By the wire facts alone: shape = field 2 {dim {size 4}, dim {size 784}}, content = field 4 of 12,544 bytes, at the end.
    const shapeAndContent = Buffer.from('1209120208041203089006228062', 'hex');
    for (const message of messages) {
      const at = message.indexOf(shapeAndContent);
      const content = message.subarray(at + shapeAndContent.length);
      expect(at).toBeGreaterThan(0);
      expect(content.length).toBe(4 * 784 * 4);
      const values = Array.from({ length: 4 * 784 }, (_, index) => content.readFloatLE(index * 4));
      expectFourImages(Array.from({ length: 4 }, (_, row) => values.slice(row * 784, (row + 1) * 784)));
    }
  });
});
