import { basename, join, resolve } from 'node:path';
import { type ExitCode, usageError, worstExit } from '../errors.js';
import { onOff, readFlags, text } from '../flags.js';
import type { Io } from '../io.js';
import { COMMON_FLAGS, type Command, type CommandInput } from './command.js';

const REPORT_FLAGS = {
  format: text({
    arg: 'NAME,…|all|none',
    help: 'which reports: those that are files are written, others are printed in place of the summary',
    default: 'all',
  }),
  out: text({
    arg: 'DIR|-',
    short: 'o',
    help: 'where the files go, - for stdout (default: into the run directory; of several runs into a directory each)',
  }),
  'require-valid': onOff({ help: 'exit 4 unless the verdict is VALID' }),
} as const;

/** `infer-bench report`: makes every report of runs again from their directories, without the server. */
export const report: Command = {
  summary: 'remake the reports of a run from its directory',
  operands: 'dir…',
  flags: { Reports: REPORT_FLAGS },
  examples: [
    ['report runs/first', 'the summary on the screen, and every report into runs/first'],
    ['report runs/first --format json --out -', 'the summary as JSON, nothing written'],
    ['report runs/* --format none', 'the summaries of several runs'],
    ['report runs/first --out public --require-valid', 'the files into another directory; exit 4 unless VALID'],
  ],
  notes: `Reports that are files: json, per-second, hlog, markdown, html, junit, prometheus,
hgrm-latency, hgrm-service (hgrm: both), locust-stats, locust-history, locust-failures,
locust-exceptions (locust: all four). Only printed: console, console-color, k6, vegeta.

Works on a run that was killed, too: what its files hold is reported, as INCONCLUSIVE.
The same rows give the same files, byte for byte, as the run made itself.`,
  act,
};

async function act(io: Io, input: CommandInput): Promise<ExitCode> {
  const [
    { openRunDirectory },
    { readRun },
    { exitCodeOf },
    { isPrinted, readReportNames, renderReport, screen, writeReports },
  ] = await Promise.all([
    import('./run-directory.js'),
    import('./read-run.js'),
    import('./run-exit.js'),
    import('./reports.js'),
  ]);
  const problems = [...input.problems];
  const settings = readFlags({ ...REPORT_FLAGS, ...COMMON_FLAGS }, input.given, problems);
  const names = readReportNames(settings.format ?? 'all', '--format', problems);
  const toStdout = settings.out === '-';
  if (input.operands.length === 0) {
    problems.push('No run directory is given');
  }
  if (toStdout && (settings.json || settings.format === 'all')) {
    problems.push(
      `Cannot combine --out - and ${settings.json ? '--json' : '--format all'}: name one report for stdout`,
    );
  }
  if (problems.length > 0) {
    throw usageError(problems, { hint: 'infer-bench report --help explains the flags' });
  }
  const note = (line: string) => void (settings.quiet || io.stderr.write(`${line}\n`));
  // All of them are looked at before anything is written.
  const directories = input.operands.map((path) => openRunDirectory(path, io.cwd));
  const codes: ExitCode[] = [];
  for (const directory of directories) {
    const results = await readRun(directory, note);
    if (toStdout) {
      for (const name of names) {
        io.stdout.write(renderReport(name, results));
      }
    } else {
      const inPlace = settings.out === undefined;
      const out = inPlace ? directory.root : outOf(io.cwd, settings.out, directory.root, directories);
      const files = writeReports(names, results, out);
      const printed = settings.json ? [] : names.filter(isPrinted);
      io.stdout.write(
        printed.length === 0
          ? screen(io, results, settings, inPlace ? files : [])
          : printed.map((name) => renderReport(name, results)).join('\n'),
      );
      const listed = inPlace && printed.length === 0 && !settings.json;
      if (files.length > 0 && !listed) {
        note(`reports: ${files.join(', ')} in ${inPlace ? directory.shown : `${settings.out}/`}`);
      }
    }
    codes.push(exitCodeOf(results.report, { requireValid: settings['require-valid'] }));
  }
  return worstExit(codes);
}

/** A place of its own for each of several runs. */
function outOf(cwd: string, out: string, root: string, all: readonly unknown[]): string {
  const path = resolve(cwd, out);
  return all.length > 1 ? join(path, basename(root)) : path;
}
