import type { ChunkGaps } from '../samples/chunk-gaps.js';
import type { Outcome } from '../samples/outcomes.js';
import type { Sink } from '../samples/sink.js';
import { type PerSecondRow, perSecond, type SecondHistogram } from './per-second.js';
import { type Repeats, repeats } from './repeats.js';
import { type EndedSums, type Totals, totals, type WholeHistograms, type Window } from './summary.js';
import { userTime } from './user-time.js';

/** What the folds must know of a run before its first row. */
export interface RunFoldsOptions {
  /** Epoch µs of the run's zero. */
  readonly startedEpochUs: number;
  /** Names of the endpoints by their index. */
  readonly endpoints: readonly string[];
  /** The measured window, which an early end shortens. */
  readonly measured: () => Window;
  /** Distinct payloads, and which of them went out with a sequence number. */
  readonly payloads: number;
  readonly payloadOf: (seq: number) => number | undefined;
}

/** A run reduced. */
export interface RunSums extends WholeHistograms {
  readonly totals: Totals;
  readonly seconds: readonly PerSecondRow[];
  readonly repeats: Repeats;
  readonly ended: EndedSums;
  /** Time-weighted mean of active users in the measured window. */
  readonly usersMean: number;
  /** Rows of all phases and outcomes. */
  readonly rows: number;
  /** Each second by endpoint and metric; a histogram is good until the next one is asked for. */
  secondHistograms(): Iterable<SecondHistogram>;
}

/**
 * All that is reduced from the rows of a run, in one place: while it runs, and from its files later. The same rows in
 * the same order give the same figures to the last digit.
 */
export function runFolds(options: RunFoldsOptions): Required<Pick<Sink, 'rows' | 'users'>> & {
  /** What a streamed answer adds to its row. */
  gaps(answer: ChunkGaps): void;
  /** `explained`: the first text that explains each outcome. */
  finish(explained: ReadonlyMap<Outcome, string>): RunSums;
} {
  const { startedEpochUs, endpoints, measured } = options;
  const bySecond = perSecond(startedEpochUs, endpoints.length);
  const whole = totals(measured, endpoints);
  const repeated = repeats(options.payloads, options.payloadOf);
  const users = userTime(measured);
  let rows = 0;
  return {
    rows(block) {
      rows += block.length;
      whole.rows(block);
      bySecond.rows(block);
      repeated.rows(block);
    },
    users(atUs, active) {
      bySecond.users(atUs, active);
      users.change(atUs, active);
    },
    gaps(answer) {
      whole.gaps(answer);
      bySecond.gaps(answer);
    },
    finish(explained) {
      for (const [outcome, text] of explained) {
        whole.explain(outcome, text);
      }
      return {
        ...whole.histograms(),
        totals: whole.finish(),
        seconds: bySecond.finish(),
        repeats: repeated.finish(),
        ended: whole.ended(),
        usersMean: users.mean(),
        rows,
        secondHistograms: () => bySecond.histograms(),
      };
    },
  };
}
