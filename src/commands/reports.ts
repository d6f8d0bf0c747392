import { join } from 'node:path';
import { usageError } from '../errors.js';
import { type Io, isLive } from '../io.js';
import { REPORTERS, type ReportKind } from '../reports/index.js';
import type { Results } from '../reports/results.js';
import { writeReport } from './run-directory.js';

const KINDS: Readonly<Record<string, ReportKind>> = REPORTERS;

/** Names of the reports that are files. */
export const FILE_REPORTS: readonly string[] = Object.keys(KINDS).filter((name) => KINDS[name]?.file !== undefined);

/**
 * The reports that a run writes at its end: its data always, and those of the list that was asked for, or the ones that go
 * with every run. Throws BenchError('usage').
 */
export function reportsAtEnd(list: string | undefined): readonly string[] {
  const problems: string[] = [];
  const asked = list === undefined ? reportsThatGo('report') : readReportNames(list, '--report', problems);
  if (problems.length > 0) {
    throw usageError(problems);
  }
  return [...new Set([...reportsThatGo('data'), ...asked])];
}

function reportsThatGo(atEnd: ReportKind['atEnd']): readonly string[] {
  return FILE_REPORTS.filter((name) => KINDS[name]?.atEnd === atEnd);
}

/** The reports that a name stands for: its own, or of a tool with several files, such as `locust`, all of them. */
function namedReports(name: string): readonly string[] {
  const several = Object.keys(KINDS).filter((kind) => kind.startsWith(`${name}-`));
  return Object.hasOwn(KINDS, name) || several.length < 2 ? [name] : several;
}

/** Reads a list of reports: names, `all` of those that are files, or `none`. Adds what it does not know to `problems`. */
export function readReportNames(list: string, flag: string, problems: string[]): readonly string[] {
  if (list === 'all') {
    return FILE_REPORTS;
  }
  const names = list === 'none' ? [] : list.split(',').flatMap((name) => namedReports(name.trim()));
  const unknown = names.filter((name) => !Object.hasOwn(KINDS, name));
  if (unknown.length > 0) {
    const known = Object.keys(KINDS).join(', ');
    problems.push(
      `Cannot read ${flag}: no report is named ${JSON.stringify(unknown[0])}, they are ${known}; or all, none`,
    );
  }
  return [...new Set(names)];
}

/** Whether a report is one that is only printed. */
export function isPrinted(name: string): boolean {
  return KINDS[name]?.file === undefined;
}

/** The text of a report. */
export function renderReport(name: string, results: Results): string {
  return (KINDS[name] as ReportKind).render(results);
}

/** Writes those of the reports that are files into a directory; returns the names of the files. */
export function writeReports(names: readonly string[], results: Results, directory: string): readonly string[] {
  return names.flatMap((name) => {
    const file = KINDS[name]?.file;
    if (file === undefined) {
      return [];
    }
    writeReport(join(directory, file), renderReport(name, results));
    return [file];
  });
}

export interface ScreenOptions {
  readonly json: boolean;
  readonly 'no-color': boolean;
}

/** What goes to stdout of a run: its summary as text, with the reports among its files, or as JSON. */
export function screen(io: Io, results: Results, options: ScreenOptions, reports: readonly string[] = []): string {
  if (options.json) {
    return renderReport('json', results);
  }
  const colored = isLive(io, io.stdout) && !options['no-color'] && !io.env.NO_COLOR;
  const { run } = results.report;
  const files = [...new Set([...run.files, ...reports])];
  const report = { ...results.report, run: { ...run, files } };
  return renderReport(colored ? 'console-color' : 'console', { ...results, report });
}
