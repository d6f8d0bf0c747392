import { consoleColored, consoleText } from './console.js';
import { resultsHlog } from './histograms-hlog.js';
import { summaryJson } from './json.js';
import { perSecondReport } from './per-second-csv.js';
import type { ResultsReporter } from './results.js';

/** A form of a report. */
export interface ReportKind {
  /** Its file in the run directory; undefined for one that is only printed. */
  readonly file?: string;
  /** Written at the end of every run: `data` always, `report` unless the user chose others. */
  readonly atEnd?: 'data' | 'report';
  readonly render: ResultsReporter;
}

/** The forms of a report. To add one, write its file and its line. */
export const REPORTERS = {
  console: { render: consoleText },
  'console-color': { render: consoleColored },
  json: { file: 'summary.json', atEnd: 'data', render: summaryJson },
  'per-second': { file: 'per_second.csv', atEnd: 'data', render: perSecondReport },
  hlog: { file: 'histograms.hlog', atEnd: 'data', render: resultsHlog },
} as const satisfies Readonly<Record<string, ReportKind>>;
