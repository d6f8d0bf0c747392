import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { CalibratedMachine } from './machine.js';

/** What of a calibration is looked up; the rest of it is kept as it is. */
const LANE = z.looseObject({
  protocol: z.string(),
  transport: z.string(),
  workers: z.number().int().positive(),
  calibrated_at: z.iso.datetime(),
  ceiling_per_s: z.number().positive(),
});

const CALIBRATIONS = z.object({
  schema: z.literal('infer-bench/calibrations/1'),
  machines: z.array(z.looseObject({ machine: z.looseObject({}), lanes: z.array(LANE) })),
});

/** All calibrations that were made, by machine: what the cache file holds. */
export type Calibrations = z.infer<typeof CALIBRATIONS>;

/** A way of sending on one machine and what it can do. */
export type CalibratedLane = z.infer<typeof LANE>;

export const NO_CALIBRATIONS: Calibrations = { schema: 'infer-bench/calibrations/1', machines: [] };

/** Reads the cache file's text; undefined when it is no such file. */
export function parseCalibrations(text: string): Calibrations | undefined {
  try {
    return CALIBRATIONS.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** What identifies a way of sending. */
export interface Lane {
  readonly protocol: string;
  readonly transport: string;
  readonly workers: number;
}

/** The calibration of a way of sending on a machine; undefined when there is none. */
export function findLane(all: Calibrations, machine: CalibratedMachine, lane: Lane): CalibratedLane | undefined {
  return all.machines
    .find((entry) => isDeepStrictEqual(entry.machine, machine))
    ?.lanes.find((one) => isSameLane(one, lane));
}

/** All calibrations with new ones in the place of what they replace; `facts` are of the machine as a whole. */
export function withLanes(
  all: Calibrations,
  machine: CalibratedMachine,
  lanes: readonly CalibratedLane[],
  facts: Readonly<Record<string, unknown>>,
): Calibrations {
  const before = all.machines.find((entry) => isDeepStrictEqual(entry.machine, machine));
  const kept = (before?.lanes ?? []).filter((old) => !lanes.some((lane) => isSameLane(old, lane)));
  return {
    ...all,
    machines: [
      ...all.machines.filter((entry) => entry !== before),
      { machine: { ...machine }, ...facts, lanes: [...kept, ...lanes] },
    ],
  };
}

function isSameLane(a: Lane, b: Lane): boolean {
  return a.protocol === b.protocol && a.transport === b.transport && a.workers === b.workers;
}
