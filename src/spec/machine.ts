import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import type { HostFacts } from '../reports/results.js';
import { VERSION } from '../version.js';

/** What of a machine decides how fast this program is. */
export interface MachineFacts {
  readonly platform: string;
  readonly arch: string;
  readonly node: string;
  readonly cpus: number;
  readonly cpu_model: string | null;
}

/** The machine that this process runs on. */
export function machineFacts(): MachineFacts {
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.version,
    cpus: cpus().length,
    cpu_model: cpus()[0]?.model ?? null,
  };
}

/** The machine as `plan.json` describes it. */
export function hostFacts(): HostFacts {
  return {
    ...machineFacts(),
    cores_available: availableParallelism(),
    memory_bytes: totalmem(),
    kernel: `${type()} ${release()}`,
  };
}

/** What a calibration holds for: it names no machine, only what it is like. */
export interface CalibratedMachine extends MachineFacts {
  /** Cores that this process may use. */
  readonly cores_available: number;
  /** Of infer-bench. */
  readonly version: string;
}

/** What a calibration made here and now holds for. */
export function calibratedMachine(): CalibratedMachine {
  return { ...machineFacts(), cores_available: availableParallelism(), version: VERSION };
}
