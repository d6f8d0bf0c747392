import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { newDirectory, readRows } from '../support/cli.js';
import { digits } from './accounts.js';
import { describeWith } from './foreign.js';
import { startOurs, stopOurs } from './ours.js';

afterEach(stopOurs);

const image = [...(digits()[0] as Float32Array)];
const CONNECTIONS = 8;

/** One request to each REST path: a POST with this body, or a GET. */
const PATHS: readonly (readonly [kind: string, path: string, body: string | undefined])[] = [
  ['sentiment', '/?query=I%20love%20you!', undefined],
  ['predict', '/predict', '{"text":["I love you.","I hate you."]}'],
  [
    'tf-serving',
    '/v1/models/mnist:predict',
    JSON.stringify({ signature_name: 'predict_images', instances: [image, image] }),
  ],
  [
    'oip',
    '/v2/models/mnist/infer',
    JSON.stringify({ inputs: [{ name: 'images', shape: [1, 784], datatype: 'FP32', data: image }] }),
  ],
  ['torchserve', '/predictions/mnist', JSON.stringify([image])],
];

describeWith('hey', 'our server and hey', () => {
  it.each(PATHS)('%s %s: as many requests as hey says, all well', async (kind, path, body) => {
    const directory = newDirectory();
    const truthLog = join(directory, 'truth.csv');
    const { http } = await startOurs(kind, truthLog);
    const words = ['-n', '400', '-c', String(CONNECTIONS)];
    if (body !== undefined) {
      writeFileSync(join(directory, 'body'), body);
      words.push('-m', 'POST', '-T', 'application/json', '-D', join(directory, 'body'));
    }
    const said = execFileSync('hey', [...words, `${http}${path}`], { encoding: 'utf8' });
    await stopOurs();
    expect(said).toMatch(/\[200\]\s+400 responses/);
    expect(said).not.toContain('Error distribution');
    const truth = readRows(truthLog);
    expect(truth.length).toBe(400);
    expect(new Set(truth.map(({ status }) => status))).toEqual(new Set(['200']));
  });
});

describeWith('wrk', 'our server and wrk', () => {
  it.each(PATHS)('%s %s: as many requests as wrk says, all well', async (kind, path, body) => {
    const directory = newDirectory();
    const truthLog = join(directory, 'truth.csv');
    const { http } = await startOurs(kind, truthLog);
    const words = ['-t', '1', '-c', String(CONNECTIONS), '-d', '1s'];
    if (body !== undefined) {
      writeFileSync(join(directory, 'body'), body);
      const script = [
        'wrk.method = "POST"',
        'wrk.headers["Content-Type"] = "application/json"',
        `wrk.body = io.open(${JSON.stringify(join(directory, 'body'))}, "rb"):read("*a")`,
      ];
      writeFileSync(join(directory, 'post.lua'), script.join('\n'));
      words.push('-s', join(directory, 'post.lua'));
    }
    const said = execFileSync('wrk', [...words, `${http}${path}`], { encoding: 'utf8' });
    await stopOurs();
    expect(said).not.toMatch(/Non-2xx|Socket errors/);
    const counted = Number(/(\d+) requests in/.exec(said)?.[1]);
    expect(counted).toBeGreaterThan(50);
    // wrk leaves in the middle of a request of each connection, and says nothing of those.
    const served = readRows(truthLog).filter(({ status }) => status === '200').length;
    expect(served).toBeGreaterThanOrEqual(counted);
    expect(served).toBeLessThanOrEqual(counted + CONNECTIONS);
  });
});
