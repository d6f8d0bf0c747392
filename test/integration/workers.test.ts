import { expect, it } from 'vitest';
import { loadInWorkers } from '../../src/engine/workers.js';
import { BenchError } from '../../src/errors.js';

const PROGRAM = new URL('../fixtures/workers/dies.mjs', import.meta.url);
const anchor = { startedEpochUs: 0, startedMonotonicNs: '0' };
const nobody = { take() {}, failed() {}, gaps() {}, watched() {} };

it('a worker that dies stops the others, and the end says why', async () => {
  const load = loadInWorkers(PROGRAM, [{ dies: false }, { dies: true }]);
  await load.open();
  const end = await load.run(anchor, new AbortController().signal, nobody);
  expect(end).toEqual({ planned: 7, stoppedUs: 1, endedUs: 2, lostWorkers: ['out of luck'] });
  await load.close();
});

it('a worker that cannot open its connections says so with its own words', async () => {
  const load = loadInWorkers(PROGRAM, [{ refuses: true }]);
  await expect(load.open()).rejects.toThrow(BenchError);
  await load.close();
});

it('a stop that was asked for before the start is one', async () => {
  const load = loadInWorkers(PROGRAM, [{}, {}]);
  await load.open();
  expect(await load.run(anchor, AbortSignal.abort(), nobody)).toMatchObject({ planned: 14, lostWorkers: [] });
  await load.close();
});
