import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { digestOf, digits, expectAccounted, expectAllWell, shortRun } from './accounts.js';
import { describeWith, killForeign, PROTOS, startForeign } from './foreign.js';

const known = new Set(digits().map(digestOf));
const batchOf = ({ batch }: { readonly batch: number }) => batch;

/** How tensors can travel, there and back; a codec that is right is so over any lane. */
const FORMS: readonly (readonly [protocol: string, encoding: string, answers: string])[] = [
  ['tf-serving-grpc', 'raw', 'typed'],
  ['tf-serving-grpc', 'typed', 'raw'],
  ['oip-grpc', 'raw', 'typed'],
  ['oip-grpc', 'typed', 'typed'],
  ['oip-grpc', 'typed', 'raw'],
];

afterAll(killForeign);

/** Runs our client against the C core; what the two of them wrote. */
async function record(server: readonly string[], words: readonly string[], load?: Parameters<typeof shortRun>[0]) {
  const foreign = await startForeign('models.py', server);
  const cwd = newDirectory();
  const end = await cli(['run', `grpc://127.0.0.1:${foreign.port}`, ...shortRun(load), ...words], { cwd });
  const rows = await foreign.stop();
  return { end, rows, run: readRun(join(cwd, 'r')) };
}

/** The same, each request of the one paired with its row of the other. */
async function measure(...given: Parameters<typeof record>) {
  const { end, rows, run } = await record(...given);
  return { end, rows, run, pairs: expectAccounted(run, rows, batchOf) };
}

describeWith('grpcio', "our client against grpcio's C core", () => {
  describe.concurrent.each([
    { lane: 'wire', forms: FORMS },
    { lane: 'library', forms: FORMS.slice(0, 1) },
  ])('over the $lane lane', ({ lane, forms }) => {
    const transport = ['--transport', lane];

    it.each(forms)('%s: %s images arrive bit for bit, %s answers are read', async (protocol, encoding, answers) => {
      const words = ['--protocol', protocol, '--encoding', encoding, '--batch-size', '4', ...transport];
      const { end, rows, run } = await measure(['--answers', answers], words);
      expectAllWell(end, run);
      expect(new Set(rows.map((row) => `${row.encoding} ${row.batch}`))).toEqual(new Set([`${encoding} 4`]));
      const images = rows.flatMap((row) => row.images);
      expect(images.filter((image) => !known.has(image))).toEqual([]);
      expect(new Set(images).size).toBeGreaterThan(20);
    });

    it.each(['tf-serving-grpc', 'oip-grpc'])('%s: requests and answers above 4 MiB', async (protocol) => {
      const load = { users: 1, think: '100ms' };
      const words = ['--protocol', protocol, '--batch-size', '2000', ...transport];
      const { end, rows, run } = await measure(['--echo', '--answers', 'raw'], words, load);
      expectAllWell(end, run);
      expect(rows.every(({ images }) => new Set(images).size > 1000)).toBe(true);
      if (protocol === 'tf-serving-grpc') {
        const received = run.samples.map(({ bytes_in }) => Number(bytes_in));
        expect(Math.min(...received)).toBeGreaterThan(4 * 1024 * 1024);
      }
    });

    it('refusals keep their code and their words', async () => {
      const { run, rows, pairs } = await measure(['--fail-every', '4'], ['--protocol', 'oip-grpc', ...transport]);
      for (const { sample, row } of pairs) {
        expect(sample.outcome).toBe(row.status === 0 ? 'ok' : 'grpc_RESOURCE_EXHAUSTED');
      }
      expect(run.summary.counts.failed).toBe(Math.floor(rows.length / 4));
      expect(run.summary.failures[0]).toMatchObject({ outcome: 'grpc_RESOURCE_EXHAUSTED', origin: 'target' });
      expect(JSON.stringify(run.summary.failures[0])).toContain('Die Schlange ist voll: 100 % ≠ 50 %');
    });

    it('the deadline goes along, from the start of the request', async () => {
      const { rows } = await measure([], ['--protocol', 'oip-grpc', '--timeout', '7s', ...transport]);
      const left = rows.map(({ time_remaining_s }) => time_remaining_s);
      expect(Math.max(...left)).toBeLessThanOrEqual(7.001);
      expect(Math.min(...left)).toBeGreaterThan(2);
    });

    it('a server that likes to compress answers in the clear', async () => {
      const { end, run } = await measure(['--gzip'], ['--protocol', 'tf-serving-grpc', ...transport]);
      expectAllWell(end, run);
    });

    it('more users than a connection may have calls', async () => {
      const words = ['--protocol', 'oip-grpc', '--connections', '2', ...transport];
      const { end, run } = await measure(['--max-streams', '2'], words, { users: 12, think: '5ms' });
      expectAllWell(end, run);
    });

    it('connections that the server sends away in good order cost no request', async () => {
      const words = ['--protocol', 'oip-grpc', ...transport];
      const { rows, run } = await record(['--max-age-ms', '500'], words, { duration: '3s' });
      expect(run.summary.connections.fresh).toBeGreaterThan(4);
      const arrived = run.samples.filter(({ outcome }) => outcome === 'ok');
      expectAccounted({ ...run, samples: arrived }, rows, batchOf);
      const lost = run.samples.filter(({ outcome }) => outcome !== 'ok');
      // grpc-js may refuse calls itself that it had not sent yet: the record says that they never arrived.
      expect(lost.filter(({ origin }) => lane === 'wire' || origin !== 'network')).toEqual([]);
      expect(lost.length).toBeLessThan(arrived.length / 10);
    });
  });

  it('any method, from its .proto file and a message in JSON', async () => {
    const directory = newDirectory();
    const image = digits()[0] as Float32Array;
    const inputs = [{ name: 'images', datatype: 'FP32', shape: [1, 784], contents: { fp32_contents: [...image] } }];
    writeFileSync(join(directory, 'body.json'), JSON.stringify({ model_name: 'any', inputs }));
    const { end, rows, run } = await measure(
      [],
      [
        ...['--protocol', 'grpc', '--proto', join(PROTOS, 'inference', 'inference.proto')],
        ...['--call', 'inference.GRPCInferenceService/ModelInfer', '--body', `@${join(directory, 'body.json')}`],
        ...['--expect', '$.outputs[0].name=scores'],
      ],
    );
    expectAllWell(end, run);
    expect(new Set(rows.flatMap(({ images }) => images))).toEqual(new Set([digestOf(image)]));
  });
});
