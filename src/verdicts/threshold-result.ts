/** How a threshold came out. `inconclusive`: there is data, and too little of it for the percentile that was asked for. */
export type ThresholdState = 'pass' | 'fail' | 'no_data' | 'inconclusive';

/** The unit of a threshold's value and limit. */
export type ThresholdUnit = 'ms' | 'ratio' | 'per_s' | 'count';

/** One threshold after a run, as in `summary.json`. */
export interface ThresholdResult {
  /** As the user wrote it. */
  readonly expression: string;
  readonly metric: string;
  /** The endpoint that it looks at; null for all of them. */
  readonly endpoint: string | null;
  /** Whose durations: `all_inf` counts failures as infinitely slow; null for a metric that has no population. */
  readonly population: 'ok' | 'all' | 'all_inf' | null;
  /** As written: `p(95)`, `avg`, … or `value` for a metric that stands alone. */
  readonly aggregation: string;
  readonly operator: '<' | '<=' | '>' | '>=' | '==' | '!=';
  readonly limit: number;
  readonly unit: ThresholdUnit;
  /** Over the whole run, or the worst judged window; null without data, and where it is infinite. */
  readonly value: number | null;
  /** The value is +infinity: the percentile falls among requests that never succeeded. */
  readonly infinite: boolean;
  /** Samples that it looked at. */
  readonly n: number;
  readonly state: ThresholdState;
  /** `state` is pass. */
  readonly pass: boolean;
  /** null where the whole run is one window. */
  readonly windows: ThresholdWindows | null;
  /** One sentence for a reader who sees nothing else: what was found, and why it did not pass. */
  readonly message: string;
}

/** What came of the windows of a threshold `over` a time. */
export interface ThresholdWindows {
  readonly window_s: number;
  /** Windows with enough samples, those of them that violate, and those with too few samples. */
  readonly judged_n: number;
  readonly violated_n: number;
  readonly skipped_n: number;
  /** The longest row of violating windows. */
  readonly longest_n: number;
  /** Epoch seconds at which violating windows begin, the first hundred of them. */
  readonly violated_at_epoch_s: readonly number[];
}
