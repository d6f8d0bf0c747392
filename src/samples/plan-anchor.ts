import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCode } from '../errors.js';

/** What the plan of a run says about its start. */
export type PlanAnchor = { readonly startedEpochUs: number } | { readonly problem: string };

/** Epoch µs of the run's start from `plan.json` beside one of the run's files. */
export function readPlanAnchor(path: string): PlanAnchor {
  const plan = join(dirname(path), 'plan.json');
  try {
    const started = (JSON.parse(readFileSync(plan, 'utf8')) as { started_epoch_us?: unknown } | null)?.started_epoch_us;
    return typeof started === 'number' && Number.isFinite(started) && started >= 0
      ? { startedEpochUs: started }
      : { problem: 'plan.json beside it has no started_epoch_us' };
  } catch (error) {
    return {
      problem: errorCode(error) === 'ENOENT' ? 'there is no plan.json beside it' : 'plan.json beside it cannot be read',
    };
  }
}
