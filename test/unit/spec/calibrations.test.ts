import { describe, expect, it } from 'vitest';
import { findLane, NO_CALIBRATIONS, parseCalibrations, withLanes } from '../../../src/spec/calibrations.js';
import { calibratedMachine } from '../../../src/spec/machine.js';

const machine = calibratedMachine();
const lane = { protocol: 'sentiment', transport: 'wire', workers: 1 };
const calibrated = { ...lane, calibrated_at: '2026-11-24T12:00:00.000Z', ceiling_per_s: 30_000, points: [1, 2] };

describe('calibrations', () => {
  it('survive being written and read, with what is not looked up', () => {
    const all = withLanes(NO_CALIBRATIONS, machine, [calibrated], { timers: [7] });
    const read = parseCalibrations(JSON.stringify(all));
    expect(read).toEqual(all);
    expect(read && findLane(read, machine, lane)).toEqual(calibrated);
  });

  it.each([
    ['another protocol', machine, { ...lane, protocol: 'tf-serving-rest' }],
    ['another transport', machine, { ...lane, transport: 'library' }],
    ['another number of workers', machine, { ...lane, workers: 2 }],
    ['another version of Node', { ...machine, node: 'v1.2.3' }, lane],
    ['another processor', { ...machine, cpu_model: 'other' }, lane],
    ['another number of cores', { ...machine, cores_available: 999 }, lane],
    ['another infer-bench', { ...machine, version: '9.9.9' }, lane],
  ])('say nothing of %s', (_what, where, which) => {
    expect(findLane(withLanes(NO_CALIBRATIONS, machine, [calibrated], {}), where, which)).toBeUndefined();
  });

  it('take the place of older ones of the same way and the same machine, and of no other', () => {
    const other = { ...machine, node: 'v1.2.3' };
    const rest = { ...calibrated, protocol: 'tf-serving-rest' };
    const before = withLanes(withLanes(NO_CALIBRATIONS, other, [calibrated], {}), machine, [calibrated, rest], {});
    const after = withLanes(before, machine, [{ ...calibrated, ceiling_per_s: 20_000 }], {});
    expect(findLane(after, machine, lane)?.ceiling_per_s).toBe(20_000);
    expect(findLane(after, machine, rest)).toEqual(rest);
    expect(findLane(after, other, lane)).toEqual(calibrated);
    expect(after.machines.length).toBe(2);
  });

  it.each([
    ['no JSON', '{'],
    ['another schema', '{"schema":"infer-bench/calibrations/2","machines":[]}'],
    ['a list', '[]'],
    [
      'a ceiling that is none',
      JSON.stringify(withLanes(NO_CALIBRATIONS, machine, [{ ...calibrated, ceiling_per_s: -1 }], {})),
    ],
    [
      'a time that is none',
      JSON.stringify(withLanes(NO_CALIBRATIONS, machine, [{ ...calibrated, calibrated_at: 'today' }], {})),
    ],
  ])('are not read from %s', (_what, text) => {
    expect(parseCalibrations(text)).toBeUndefined();
  });
});
