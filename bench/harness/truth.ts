/** A run of the program against the golden server, joined with the server's own record of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mode } from '../../test/support/golden-server-modes.js';
import { type ClientRun, client, inDirectory, readCsv, startedNs } from './client.js';
import { startGoldenServer } from './servers.js';

/** One request as both sides saw it, ms from the run's start. */
export interface Both {
  readonly intendedMs: number;
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly answeredMs: number;
  readonly endMs: number;
}

export interface TruthRun extends Pick<ClientRun, 'summary' | 'status' | 'stdout' | 'cpuS'> {
  /** The measured requests that both sides have; warm-up is left out. */
  readonly rows: readonly Both[];
  /** Requests that one side has and the other lacks, or has twice. */
  readonly unmatched: number;
  /** Rows that are not sent ≤ received ≤ answered ≤ end. */
  readonly disordered: number;
}

/** The clocks are read to the microsecond and cut, not rounded: send and zero may each seem so much off. */
const CUT_MS = 0.002;

/** Runs the program with these flags against the golden server in a mode. */
export async function truthRun(mode: Mode, args: readonly string[], seconds: number): Promise<TruthRun> {
  return inDirectory(async (directory) => {
    const log = join(directory, 'truth.csv');
    const server = await startGoldenServer(mode, log);
    let cpuS = 0;
    try {
      const url = `http://127.0.0.1:${server.port}`;
      // Asking for a truth log makes the program send its sequence numbers; the server given by URL keeps the log.
      const ids = ['--truth-log', join(directory, 'not-written.csv')];
      return await client([url, ...args, ...ids], { seconds, statuses: [0, 4] }, async (run) => {
        cpuS = run.cpuS + server.cpuS();
        await server.stop();
        return { ...run, cpuS, ...joined(run.directory, log) };
      });
    } finally {
      await server.stop();
    }
  });
}

function joined(directory: string, log: string): Pick<TruthRun, 'rows' | 'unmatched' | 'disordered'> {
  const zeroNs = startedNs(directory);
  const sinceMs = (ns: string | undefined) => Number(BigInt(ns as string) - zeroNs) / 1e6;
  const truth = new Map(readCsv(log).map((row) => [row.id, row]));
  const logged = readFileSync(log, 'latin1').trimEnd().split('\n').length - 1;
  const samples = readCsv(join(directory, 'samples.csv')).filter(({ start_us }) => start_us !== '');
  let unmatched = logged - truth.size;
  let disordered = 0;
  const rows: Both[] = [];
  for (const sample of samples) {
    const id = String(sample.seq).padStart(10, '0');
    const seen = truth.get(id);
    if (!seen) {
      unmatched++;
      continue;
    }
    truth.delete(id);
    const row: Both = {
      intendedMs: Number(sample.intended_us) / 1000,
      sentMs: Number(sample.start_us) / 1000,
      receivedMs: sinceMs(seen.recv_ns),
      answeredMs: sinceMs(seen.send_ns),
      endMs: Number(sample.end_us) / 1000,
    };
    const inOrder =
      row.sentMs <= row.receivedMs + CUT_MS && row.receivedMs <= row.answeredMs && row.answeredMs <= row.endMs + CUT_MS;
    disordered += inOrder ? 0 : 1;
    if (sample.phase !== 'warmup') {
      rows.push(row);
    }
  }
  return { rows, unmatched: unmatched + truth.size, disordered };
}
