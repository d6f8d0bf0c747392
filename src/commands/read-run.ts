import { existsSync } from 'node:fs';
import { BenchError } from '../errors.js';
import { FlagProblem } from '../flags.js';
import { payloadIndex } from '../protocols/data-order.js';
import { payloadAt } from '../protocols/payloads.js';
import { runFolds } from '../reduce/run-folds.js';
import type { Results } from '../reports/results.js';
import { readChunkGaps } from '../samples/chunk-gaps.js';
import { readGenerator } from '../samples/generator.js';
import type { SampleBlock } from '../samples/sample.js';
import { readSamples } from '../samples/samples-reader.js';
import { readUsers } from '../samples/users-reader.js';
import { type EndRecord, explainedOf, type PlannedRecord, type Read, readEnd, readPlan } from '../spec/run-record.js';
import { endpointProblems, readThresholdPlan, type ThresholdPlan } from '../verdicts/threshold-plan.js';
import { thresholdFold } from '../verdicts/thresholds.js';
import { resultsOf } from './results.js';
import type { RunDirectory } from './run-directory.js';

/**
 * Reads a run directory and reduces its rows as the run itself did. One without `end.json` was killed, or is still
 * running: what its files hold is reported. Throws BenchError('usage') for files that are not those of a run; `note`
 * takes what does not stop the reading.
 */
export async function readRun(directory: RunDirectory, note: (text: string) => void): Promise<Results> {
  const { planned, host, startedEpochUs } = known(directory, 'plan', readPlan);
  const end = directory.read('end') === undefined ? undefined : known(directory, 'end', readEnd);
  const window = windowOf(planned, end);
  const { run, endpoints, order, requests_before: before } = planned;
  const turns = { before: { length: before }, index: payloadIndex(order, run.payloads, run.seed) };
  const folds = runFolds({
    startedEpochUs,
    endpoints,
    measured: () => window,
    payloads: run.payloads,
    payloadOf: (seq) => payloadAt(turns, seq),
  });
  const held = thresholdFold(thresholdsOf(planned, directory), { endpoints, measured: () => window, startedEpochUs });
  let lastUs = 0;
  const read = await readSamples(directory.path('samples'), endpoints, (block) => {
    folds.rows(block);
    held.rows(block);
    lastUs = Math.max(lastUs, latestOf(block));
  });
  readUsers(directory.path('rawUsers'), startedEpochUs, folds.users);
  if (existsSync(directory.path('chunkGaps'))) {
    await readChunkGaps(directory.path('chunkGaps'), (answer) => {
      folds.gaps(answer);
      held.gaps(answer);
    });
  }
  if (read.torn > 0) {
    note(`note: ${directory.shown}samples.csv: the last line is torn: 1 row dropped`);
  }
  if (end === undefined) {
    note(`note: ${directory.shown} has no end.json: the run was killed, or it is still running`);
    window.toUs = Math.min(window.toUs, Math.max(window.fromUs, lastUs));
  } else if (end.rows !== read.rows) {
    throw new BenchError(
      'usage',
      `${directory.shown}samples.csv holds ${read.rows} rows, and its run wrote ${end.rows}: the file was cut or changed`,
    );
  }
  return resultsOf({
    planned,
    host,
    end,
    generator: readGenerator(directory.path('generator')),
    sums: folds.finish(explainedOf(end ?? { explained: {} })),
    held,
    directory,
  });
}

function known<T>(directory: RunDirectory, file: 'plan' | 'end', read: (text: string) => Read<T>): T {
  const found = read(directory.read(file) ?? '');
  if (typeof found === 'object' && found !== null && 'problem' in found) {
    throw new BenchError('usage', `Cannot read ${directory.shown}${file}.json: ${found.problem}`);
  }
  return found as T;
}

function thresholdsOf({ thresholds, endpoints }: PlannedRecord, { shown }: RunDirectory): ThresholdPlan {
  const where = `Cannot read ${shown}plan.json`;
  try {
    const plan = readThresholdPlan(thresholds);
    const [problem] = endpointProblems(plan, endpoints);
    if (problem !== undefined) {
      throw new BenchError('usage', `${where}: ${problem}`);
    }
    return plan;
  } catch (error) {
    throw error instanceof FlagProblem ? new BenchError('usage', `${where}: a threshold ${error.message}`) : error;
  }
}

function windowOf({ warmup_us, duration_us }: PlannedRecord, end: EndRecord | undefined) {
  return end === undefined
    ? { fromUs: warmup_us, toUs: duration_us }
    : { fromUs: end.window_us.from_us, toUs: end.window_us.to_us };
}

/** The last moment that a row tells of: when it ended, or was due where it was never sent. */
function latestOf(block: SampleBlock): number {
  let latestUs = 0;
  for (let row = 0; row < block.length; row++) {
    const endUs = block.endUs[row] as number;
    latestUs = Math.max(latestUs, endUs >= 0 ? endUs : (block.intendedUs[row] as number));
  }
  return latestUs;
}
