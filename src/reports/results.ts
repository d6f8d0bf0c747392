import type { Histogram } from '../reduce/histogram.js';
import type { PerSecondRow, SecondHistogram } from '../reduce/per-second.js';
import type { GeneratorSecond } from '../samples/generator.js';
import type { Report } from './report.js';

/** The durations of a whole run at one endpoint. */
export interface EndpointHistograms {
  readonly endpoint: string;
  /** end − intended and end − start of `ok` requests, µs. */
  readonly latency: Histogram;
  readonly serviceTime: Histogram;
}

/** A run as any report sees it: the figures, and the series that they come from. Nothing here is read from a file or a clock. */
export interface Results {
  readonly report: Report;
  /** The endpoints by their index; the first is the main one. */
  readonly endpoints: readonly string[];
  /** `per_second.csv`. */
  readonly seconds: readonly PerSecondRow[];
  /** `generator.csv`. */
  readonly generator: readonly GeneratorSecond[];
  /** The whole run, over all endpoints; `lag` is of everything that was sent. */
  readonly latency: Histogram;
  readonly serviceTime: Histogram;
  readonly lag: Histogram;
  /** By endpoint; a single endpoint's are those of the whole. */
  readonly byEndpoint: readonly EndpointHistograms[];
  /** Each second by endpoint and metric; a histogram is good until the next one is asked for. */
  secondHistograms(): Iterable<SecondHistogram>;
}

/** A report as text. Who writes the file is not its business. */
export type ResultsReporter = (results: Results) => string;
