/** Tools that send at a rate, each used where it is found on PATH. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, has, run, versionOf } from './processes.js';

export interface PacedJob {
  readonly port: number;
  readonly directory: string;
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
}

export interface PacedPeer {
  readonly name: string;
  readonly version: string;
  run(job: PacedJob): Promise<{ readonly cpuS: number }>;
}

interface PacedKind {
  readonly versionArgs: readonly string[];
  line(job: PacedJob): CommandLine;
}

const KINDS: Readonly<Record<string, PacedKind>> = {
  wrk2: {
    versionArgs: ['-v'],
    line: (job) => ['wrk2', '-t1', '-c64', `-R${job.rate}`, `-d${job.seconds}s`, url(job)],
  },
  vegeta: {
    versionArgs: ['-version'],
    line: (job) => {
      const targets = join(job.directory, 'targets');
      writeFileSync(targets, `GET ${url(job)}\n`);
      const load = [`-rate=${job.rate}`, `-duration=${job.seconds}s`];
      return ['vegeta', 'attack', `-targets=${targets}`, ...load, '-output=/dev/null'];
    },
  },
};

/** The tools that are installed. */
export function pacedPeers(): readonly PacedPeer[] {
  return Object.entries(KINDS).flatMap(([name, { versionArgs, line }]) => {
    if (!has(name, versionArgs)) {
      console.error(`${name} is not on PATH: left out`);
      return [];
    }
    const load = async (job: PacedJob) => {
      const ended = await run(line(job), { limitS: job.seconds + 30 });
      if (ended.status !== 0) {
        throw new Error(`${name} ended with ${ended.status}: ${ended.stderr.slice(-1_000)}`);
      }
      return ended;
    };
    return [{ name, version: versionOf(name, versionArgs), run: load }];
  });
}

function url({ port }: PacedJob): string {
  return `http://127.0.0.1:${port}/`;
}
