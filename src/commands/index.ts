import type { Command } from './command.js';

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** The commands, in the order of the help. To add one, write its file and its line. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: 'send a load pattern to an inference server and record every request',
    load: async () => (await import('./run.js')).run,
  },
  percentile: {
    summary: 'reduce raw requests to a per-second stream of percentiles',
    load: async () => (await import('./percentile.js')).percentile,
  },
  report: {
    summary: 'remake the reports of a run from its directory',
    load: async () => (await import('./report.js')).report,
  },
  serve: {
    summary: 'the embedded inference server',
    load: async () => (await import('./serve.js')).serve,
  },
  compare: {
    summary: 'compare runs: differences with their intervals, and limits for pipelines',
    load: async () => (await import('./compare.js')).compare,
  },
  calibrate: {
    summary: 'what this client on this machine can measure, and how exactly',
    load: async () => (await import('./calibrate.js')).calibrate,
  },
};
