import type { ChunkGaps } from '../samples/chunk-gaps.js';
import {
  DROPPED_CODE,
  OK_CODE,
  OUTCOMES,
  type Outcome,
  SAMPLE_CODES,
  SENT_CODES,
  WARMUP_CODE,
} from '../samples/outcomes.js';
import type { SampleBlock } from '../samples/sample.js';
import { type Histogram, histogram } from './histogram.js';
import { REQUEST_TIMES_US, type RequestTime } from './request-times.js';
import { secondHistograms } from './second-histograms.js';
import type { Window } from './summary.js';

export type DurationMetric = RequestTime | 'itl_chunk';
/** Figures that are a count, or one count over another. */
export type CountedMetric =
  | 'error_rate'
  | 'correct_rate'
  | 'good_rate'
  | 'goodput'
  | 'throughput'
  | 'requests'
  | 'dropped'
  | 'achieved';

/** Whose durations: successes; everything sent, at the time it took; everything due, failures and what was dropped being infinite. */
export type Population = 'ok' | 'all' | 'all_inf';

/** What is to be kept of a run. */
export interface Subject {
  readonly metric: DurationMetric | CountedMetric;
  /** null for a metric that has none. */
  readonly population: Population | null;
  /** Index of the one endpoint that counts, −1 for all. */
  readonly endpoint: number;
  /** Code of CACHE_WORDS that alone counts, −1 for all. */
  readonly cache: number;
  /** Length of a window; Infinity where the whole run is one. */
  readonly windowUs: number;
}

/** A limit that each single request has to meet to be good. */
export interface RequestLimit {
  readonly metric: RequestTime;
  /** Whether a time in µs meets it; never of NaN, which stands for a request without such a time. */
  readonly met: (us: number) => boolean;
}

export interface SubjectContext {
  /** The measured window, which an early stop shortens. */
  readonly measured: () => Window;
  readonly limits: readonly RequestLimit[];
}

/** What came of a subject in one window. */
export interface Cell {
  /** Durations, infinite ones too; requests that were looked at. */
  readonly n: number;
  /** Durations that never ended. */
  readonly infinite: number;
  /** Requests that the metric counts, `n` being what they are a part of. */
  readonly hits: number;
  /** The finite durations, good until the next window is asked for; undefined where there is none. */
  readonly histogram: Histogram | undefined;
}

export interface SubjectFold {
  rows(block: SampleBlock): void;
  gaps(answer: ChunkGaps): void;
  /** A window by its index, counted from the start of the measurement. */
  at(window: number): Cell;
  /** The windows that anything fell into lie below this index. */
  windows(): number;
}

/** Where content of an answer was wrong: it came, and was not what was asked for. */
const CONTENT: ReadonlySet<Outcome> = new Set([
  'decode_error',
  'decompress_limit',
  'invalid_json',
  'schema_mismatch',
  'wrong_output',
]);

/** What a duration metric makes of a row, by its outcome: nothing, its time, or a time without end. */
const [NOTHING, ITS_TIME, NO_END] = [0, 1, 2] as const;

const DURATION_CLASSES: Readonly<Record<Population, Uint8Array>> = {
  ok: codes((code) => (code === OK_CODE ? ITS_TIME : NOTHING)),
  all: codes((code) => (SAMPLE_CODES[code] === 1 ? ITS_TIME : NOTHING)),
  all_inf: codes((code) =>
    code === OK_CODE ? ITS_TIME : SAMPLE_CODES[code] === 1 || code === DROPPED_CODE ? NO_END : NOTHING,
  ),
};
/** Lag is what this program did: of everything that went out. */
const SENT_CLASSES = codes((code) => (SENT_CODES[code] === 1 ? ITS_TIME : NOTHING));

/** What was due; what a stop left unsent was not. */
const DUE = codes((code) => Number(OUTCOMES[code] !== 'not_sent_stopped'));
/** What the target was asked for, or would have been had it kept up: failures of this machine say nothing about it. */
const ATTEMPTED = codes((code) => Number(SAMPLE_CODES[code] === 1 || code === DROPPED_CODE));
const OK = codes((code) => Number(code === OK_CODE));

interface Counted {
  /** By outcome: 1 for what the metric counts, and for what it is a part of. */
  readonly hit: Uint8Array;
  readonly of: Uint8Array;
  /** Only requests that met every limit are counted. */
  readonly good?: true;
  /** Requests are counted when they end, inside the measured window. */
  readonly ended?: true;
}

const COUNTED: Readonly<Record<CountedMetric, Counted>> = {
  error_rate: { hit: codes((code) => Number(SAMPLE_CODES[code] === 1 && code !== OK_CODE)), of: SAMPLE_CODES },
  correct_rate: {
    hit: OK,
    of: codes((code) => Number(code === OK_CODE || CONTENT.has(OUTCOMES[code] as Outcome))),
  },
  good_rate: { hit: OK, of: ATTEMPTED, good: true },
  goodput: { hit: OK, of: DUE, good: true, ended: true },
  throughput: { hit: OK, of: DUE, ended: true },
  requests: { hit: SENT_CODES, of: DUE },
  dropped: { hit: codes((code) => Number(code === DROPPED_CODE)), of: DUE },
  achieved: { hit: SENT_CODES, of: DUE },
};

/**
 * Keeps exactly what a subject needs. A request belongs to the window in which it was due; what is counted per second of
 * answers, and the gaps between chunks, to the one in which the answer ended. The warm-up is left out.
 */
export function subjectFold(subject: Subject, context: SubjectContext): SubjectFold {
  return Object.hasOwn(COUNTED, subject.metric)
    ? countedFold(subject, COUNTED[subject.metric as CountedMetric], context)
    : durationFold(subject, context);
}

function durationFold({ metric, population, endpoint, cache, windowUs }: Subject, context: SubjectContext) {
  const { fromUs } = context.measured();
  const classes = population === null ? SENT_CLASSES : DURATION_CLASSES[population];
  const timeUs = metric === 'itl_chunk' ? undefined : REQUEST_TIMES_US[metric as RequestTime];
  const finite = windowUs === Number.POSITIVE_INFINITY ? wholeRun() : secondHistograms();
  const infinite = counts();
  let windows = 0;

  function windowAt(us: number): number {
    const window = Math.max(0, Math.floor((us - fromUs) / windowUs));
    windows = Math.max(windows, window + 1);
    return window;
  }

  /** When a row counts: its end for what comes at the end, if it has one. */
  function momentOf(block: SampleBlock, row: number): number {
    const endUs = timeUs ? Number.NaN : (block.endUs[row] as number);
    return Number.isNaN(endUs) ? (block.intendedUs[row] as number) : endUs;
  }

  return {
    rows(block: SampleBlock) {
      for (let row = 0; row < block.length; row++) {
        const kind = classes[block.outcome[row] as number];
        if (kind === NOTHING || block.phase[row] === WARMUP_CODE) {
          continue;
        }
        if (endpoint >= 0 && block.endpoint[row] !== endpoint) {
          continue;
        }
        // Nobody knows whether a request that failed would have been a hit: it counts against both.
        if (cache >= 0 && block.cache[row] !== cache && !(kind === NO_END && block.cache[row] === -1)) {
          continue;
        }
        if (kind === NO_END) {
          infinite.add(windowAt(momentOf(block, row)));
          continue;
        }
        const us = timeUs ? timeUs(block, row) : Number.NaN;
        if (!Number.isNaN(us)) {
          finite.record(windowAt(block.intendedUs[row] as number), us);
        }
      }
    },
    gaps({ phase, endUs, gapsUs }: ChunkGaps) {
      if (timeUs || phase === 'warmup') {
        return;
      }
      const window = windowAt(endUs);
      for (const gapUs of gapsUs) {
        finite.record(window, gapUs);
      }
    },
    at(window: number): Cell {
      const histogram = finite.at(window);
      const n = (histogram?.count ?? 0) + infinite.at(window);
      return { n, infinite: infinite.at(window), hits: n, histogram };
    },
    windows: () => windows,
  };
}

/** One histogram in the place of one for each second. */
function wholeRun() {
  const all = histogram();
  return {
    record: (_window: number, us: number) => all.record(us),
    at: () => (all.count === 0 ? undefined : all),
  };
}

function countedFold(
  { endpoint, windowUs }: Subject,
  { hit, of, good, ended }: Counted,
  { measured, limits }: SubjectContext,
): SubjectFold {
  const { fromUs } = measured();
  const all = counts();
  const hits = counts();
  let windows = 0;

  function windowAt(us: number): number {
    const window = Math.max(0, Math.floor((us - fromUs) / windowUs));
    windows = Math.max(windows, window + 1);
    return window;
  }

  return {
    rows(block) {
      const { toUs } = measured();
      for (let row = 0; row < block.length; row++) {
        const code = block.outcome[row] as number;
        if (of[code] === 0 || block.phase[row] === WARMUP_CODE) {
          continue;
        }
        if (endpoint >= 0 && block.endpoint[row] !== endpoint) {
          continue;
        }
        const intendedUs = block.intendedUs[row] as number;
        all.add(windowAt(intendedUs));
        if (hit[code] === 0 || (good && !isGood(block, row, limits))) {
          continue;
        }
        if (!ended) {
          hits.add(windowAt(intendedUs));
        } else if ((block.endUs[row] as number) <= toUs) {
          hits.add(windowAt(block.endUs[row] as number));
        }
      }
    },
    gaps() {},
    at: (window) => ({ n: all.at(window), infinite: 0, hits: hits.at(window), histogram: undefined }),
    windows: () => windows,
  };
}

function isGood(block: SampleBlock, row: number, limits: readonly RequestLimit[]): boolean {
  for (const { metric, met } of limits) {
    if (!met(REQUEST_TIMES_US[metric](block, row))) {
      return false;
    }
  }
  return true;
}

/** A count for each window. */
function counts() {
  let cells = new Float64Array(64);
  return {
    add(window: number): void {
      if (window >= cells.length) {
        const larger = new Float64Array(2 * window);
        larger.set(cells);
        cells = larger;
      }
      (cells[window] as number)++;
    },
    at: (window: number): number => cells[window] ?? 0,
  };
}

/** A value for each index of OUTCOMES. */
function codes(of: (code: number) => number): Uint8Array {
  return Uint8Array.from(OUTCOMES, (_outcome, code) => of(code));
}
