import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/index.js';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRun } from '../support/cli.js';

const SHORT = ['--pattern', 'constant', '--users', '1', '--duration', '300ms', '--think-time', '20ms', '--out', 'run'];
const ANY_PORT = { host: '127.0.0.1', port: 0, grpcPort: 0 };

let server: RunningServer;
beforeAll(async () => {
  server = await startServer('all', ANY_PORT);
});
afterAll(async () => {
  closeAnswering();
  await server.close();
});

describe('a model that the server does not know', () => {
  it.each([
    ['openai-chat', ['--model', 'gpt-0'], 'The model `gpt-0` does not exist'],
    ['openai-completions', ['--model', 'gpt-0', '--stream'], 'The model `gpt-0` does not exist'],
    ['openai-embeddings', ['--model', 'gpt-0'], 'The model `gpt-0` does not exist'],
    ['torchserve', ['--model', 'resnet'], 'Model not found: resnet'],
    ['torchserve', ['--model-version', '9'], 'Model version: 9 does not exist for model: mnist'],
  ])('%s %j is refused before any load, in the words of the server', async (protocol, words, problem) => {
    const cwd = newDirectory();
    const end = await cli(['run', server.endpoints.http, '--protocol', protocol, ...words, ...SHORT], { cwd });
    expect(end.stderr).toContain(`Cannot use the model: http_4xx (status 404) ${problem}`);
    expect([end.code, end.stdout]).toEqual([2, '']);
  });

  it('is refused where it is a default, too', async () => {
    const url = await serverOf((_request, response) => response.writeHead(404).end('{"error":"no mnist here"}'));
    const end = await cli(['run', url, '--protocol', 'tf-serving-rest', ...SHORT]);
    expect(end.stderr).toContain('Cannot use the model: http_4xx (status 404) no mnist here');
    expect(end.code).toBe(2);
  });

  it('is asked for by one request that no record has', async () => {
    const cwd = newDirectory();
    let requests = 0;
    const url = await serverOf((request, response) => {
      request.resume();
      requests++;
      response.end('[[1]]');
    });
    await cli(['run', url, '--protocol', 'torchserve', ...SHORT], { cwd });
    const { summary } = readRun(join(cwd, 'run'));
    expect(summary.counts.ok).toBeGreaterThan(0);
    expect(requests).toBe(summary.counts.sent + 1);
    expect(readFileSync(join(cwd, 'run/samples.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(
      summary.counts.sent + 1,
    );
  });

  it.each([
    ['takes any name', 200, '[1]', 0],
    ['has no such path', 404, '<h1>Not Found</h1>', 4],
    ['has no such path, says a framework', 404, '{"detail":"Not Found"}', 4],
    ['is busy', 503, '{"code":503,"type":"ServiceUnavailableException","message":"queue full"}', 4],
  ])('is no question at a server that %s', async (_what, status, body, code) => {
    const url = await serverOf((_request, response) => response.writeHead(status).end(body));
    const end = await cli(['run', url, '--protocol', 'torchserve', '--model', 'any', ...SHORT]);
    expect(end.stderr).not.toContain('Cannot use the model');
    expect(end.code).toBe(code);
  });
});
