import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPlanAnchor } from '../../../src/samples/plan-anchor.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plan-anchor-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it.each([
  ['a plan', '{"started_epoch_us":1700000000000000}', { startedEpochUs: 1_700_000_000_000_000 }],
  ['a plan without its start', '{}', { problem: 'plan.json beside it has no started_epoch_us' }],
  ['a start that is no number', '{"started_epoch_us":"1"}', { problem: 'plan.json beside it has no started_epoch_us' }],
  ['null', 'null', { problem: 'plan.json beside it has no started_epoch_us' }],
  ['no JSON', '{', { problem: 'plan.json beside it cannot be read' }],
])('%s', (_, plan, want) => {
  writeFileSync(join(directory, 'plan.json'), plan);
  expect(readPlanAnchor(join(directory, 'samples.csv'))).toEqual(want);
});

it('no plan', () => {
  expect(readPlanAnchor(join(directory, 'samples.csv'))).toEqual({ problem: 'there is no plan.json beside it' });
});
