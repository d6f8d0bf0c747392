import { consoleColored, consoleText } from './console.js';
import { latencyHgrm, serviceHgrm } from './hgrm.js';
import { resultsHlog } from './histograms-hlog.js';
import { htmlReport } from './html.js';
import { summaryJson } from './json.js';
import { junit } from './junit.js';
import { k6 } from './k6.js';
import { locustExceptions, locustFailures, locustStats, locustStatsHistory } from './locust.js';
import { markdown } from './markdown.js';
import { perSecondReport } from './per-second-csv.js';
import { prometheus } from './prometheus.js';
import type { ResultsReporter } from './results.js';
import { vegeta } from './vegeta.js';

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
  markdown: { file: 'report.md', atEnd: 'report', render: markdown },
  html: { file: 'report.html', atEnd: 'report', render: htmlReport },
  junit: { file: 'junit.xml', render: junit },
  prometheus: { file: 'metrics.prom', render: prometheus },
  'hgrm-latency': { file: 'latency.hgrm', render: latencyHgrm },
  'hgrm-service': { file: 'service.hgrm', render: serviceHgrm },
  'locust-stats': { file: 'locust_stats.csv', render: locustStats },
  'locust-history': { file: 'locust_stats_history.csv', render: locustStatsHistory },
  'locust-failures': { file: 'locust_failures.csv', render: locustFailures },
  'locust-exceptions': { file: 'locust_exceptions.csv', render: locustExceptions },
  k6: { render: k6 },
  vegeta: { render: vegeta },
} as const satisfies Readonly<Record<string, ReportKind>>;
