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

/** The machine that sent the load: what it is like, and not which one. Absent is what a plan of an older version has not. */
export interface HostFacts {
  readonly platform: string;
  readonly arch: string;
  /** Version of Node.js. */
  readonly node: string;
  readonly cpus: number;
  readonly cpu_model: string | null;
  /** Cores that the process may use. */
  readonly cores_available?: number | undefined;
  readonly memory_bytes: number;
  /** Name and release of the operating system's kernel. */
  readonly kernel?: string | undefined;
}

/** A run as any report sees it: the figures, and the series that they come from. Nothing here is read from a file or a clock. */
export interface Results {
  readonly report: Report;
  /** null where the plan does not tell. */
  readonly host: HostFacts | null;
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
