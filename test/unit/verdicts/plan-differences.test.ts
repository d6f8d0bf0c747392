import { describe, expect, it } from 'vitest';
import { hostDifferences, planDifferences, unknownSettings } from '../../../src/verdicts/plan-differences.js';

const PLAN = {
  schema: 'infer-bench/plan/1',
  version: '0.1.0',
  started_epoch_us: 1,
  target: { host: 'a', address: '127.0.0.1', port: 8000, secure: false, url: 'http://a:8000' },
  settings: { protocol: 'predict', pattern: 'constant', batch_size: 1, think_time_us: 300_000, seed: 1, out: 'runs/a' },
  header_names: [],
  dataset: { name: 'digits', items: 100 },
  payloads: { count: 100, bytes: 5000, encode_ms: 3 },
  schedule: { model: 'closed', steps: [{ at_us: 0, users: 4 }] },
  workers: 1,
  connections: { most: 4 },
  host: { node: 'v20.20.0', cpus: 2 },
};
type Settings = Readonly<Record<string, unknown>>;
const plan = (settings: Settings = {}, other: Settings = {}) => ({
  ...PLAN,
  ...other,
  settings: { ...PLAN.settings, ...settings },
});
const fields = (head: Settings, vary?: readonly string[]) =>
  planDifferences(PLAN, head, vary).map(({ field }) => field);

describe('what two plans ask for differently', () => {
  it.each([
    ['nothing', plan()],
    ['the server', plan({}, { target: { host: 'b', port: 9, secure: true, url: 'https://b' } })],
    ['the time', plan({}, { started_epoch_us: 99 })],
    ['the directory', plan({ out: 'runs/b', force: true })],
    ['what encoding took', plan({}, { payloads: { ...PLAN.payloads, encode_ms: 9 } })],
    ['the machine', plan({}, { host: { node: 'v24.0.0', cpus: 64 } })],
  ])('is nothing when %s differs', (_, head) => {
    expect(fields(head)).toEqual([]);
  });

  it.each([
    ['version', plan({}, { version: '9.9.9' })],
    ['batch_size', plan({ batch_size: 4 })],
    ['seed', plan({ seed: 2 })],
    ['dataset', plan({}, { dataset: { name: 'other', items: 100 } })],
    ['header_names', plan({}, { header_names: ['x-cache'] })],
    ['payloads.bytes', plan({}, { payloads: { ...PLAN.payloads, bytes: 6000 } })],
    ['workers', plan({}, { workers: 2 })],
  ])('is %s', (field, head) => {
    expect(fields(head)).toEqual([field]);
  });

  it('names both values, and what one side does not have', () => {
    expect(planDifferences(PLAN, plan({ batch_size: 4, stream: true }))).toEqual([
      { field: 'batch_size', base: '1', head: '4' },
      { field: 'stream', base: undefined, head: 'true' },
    ]);
  });

  it('leaves out what is meant to differ, with what follows from it', () => {
    const batched = plan({ batch_size: 4 }, { payloads: { count: 25, bytes: 9000 } });
    expect(fields(batched, ['batch-size'])).toEqual([]);
    expect(fields(plan({ batch_size: 4, seed: 2 }), ['batch-size'])).toEqual(['seed']);
    expect(fields(plan({ think_time_us: 1 }), ['think-time'])).toEqual([]);
  });

  it('leaves out settings that another protocol brings with it', () => {
    const other = plan({ protocol: 'oip-rest', encoding: 'binary' }, { dataset: { name: 'images', items: 9 } });
    expect(fields(other, ['protocol'])).toEqual([]);
    expect(fields(other)).toEqual(['protocol', 'dataset', 'encoding']);
  });
});

it('the machines are named where they differ', () => {
  expect(hostDifferences(PLAN, plan({}, { host: { node: 'v24.0.0', cpus: 2 } }))).toEqual([
    { field: 'node', base: '"v20.20.0"', head: '"v24.0.0"' },
  ]);
});

it('a setting that no plan has is a typing error', () => {
  expect(unknownSettings(PLAN, plan(), ['batch-size', 'think-time', 'batchsize', 'dataset'])).toEqual(['batchsize']);
});
