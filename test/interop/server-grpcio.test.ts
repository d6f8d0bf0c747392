import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { newDirectory, readRows } from '../support/cli.js';
import { type Asked, DIGIT_IMAGES, digitLabels, expectGoodScores } from './accounts.js';
import { describeWith, killForeign, runForeignClient } from './foreign.js';
import { startOurs, stopOurs } from './ours.js';

afterEach(async () => {
  killForeign();
  await stopOurs();
});

describeWith('grpcio', "our server and grpcio's C core", () => {
  it.each([
    ['tf-serving', 'DT_FLOAT', 'Servable not found for request: Latest(other)'],
    ['oip', 'FP32', "Request for unknown model: 'other' is not found"],
  ] as const)(
    '%s: every method, both encodings, messages above 4 MiB, many calls at a time',
    async (kind, datatype, unknown) => {
      const truthLog = join(newDirectory(), 'truth.csv');
      const { grpc = '' } = await startOurs(kind, truthLog);
      const asked = (await runForeignClient('grpc_client.py', [
        kind,
        grpc.replace('grpc://', ''),
        DIGIT_IMAGES,
      ])) as Asked & { readonly at_once: number };
      expect(asked).toMatchObject({
        state: 'AVAILABLE',
        input: { datatype, shape: [-1, 784] },
        unknown: { code: 'NOT_FOUND', details: unknown },
        at_once: 64,
      });
      expect(asked.typed).toEqual(asked.raw);
      expectGoodScores(asked.raw);

      await stopOurs();
      const truth = readRows(truthLog);
      const images = String(digitLabels().length);
      expect(truth.filter(({ batch, status }) => batch === images && status === '0').length).toBe(2);
      expect(truth.filter(({ status }) => status === '5').length).toBe(1);
      const ids = truth.filter(({ id }) => id !== '').map(({ id }) => id);
      expect(new Set(ids)).toEqual(new Set(Array.from({ length: 64 }, (_, index) => `c${index}`)));
      expect(truth.length).toBe(64 + 3);
    },
  );
});
