import { expect } from 'vitest';
import type { CliEnd, readRun } from './cli.js';

/** planned = sent + dropped + not sent; sent = ok + failed + abandoned; each row once. */
export function expectConservation({ summary, samples, rawRequests, perSecond }: ReturnType<typeof readRun>): void {
  const { planned, sent, dropped, not_sent, ok, failed, abandoned, warmup } = summary.counts;
  expect(planned + warmup).toBe(samples.length);
  expect(planned).toBe(sent + dropped + not_sent);
  expect(sent).toBe(ok + failed + abandoned);
  expect(rawRequests.length).toBe(sent);
  expect(new Set(samples.map(({ seq }) => seq)).size).toBe(samples.length);
  const warmedUp = samples.filter(({ phase, outcome }) => phase === 'warmup' && outcome === 'ok').length;
  const sum = (column: string) => perSecond.reduce((total, row) => total + Number(row[column]), 0);
  expect([sum('planned'), sum('sent'), sum('completed'), sum('ok')]).toEqual([
    planned + warmup,
    sent + warmup,
    sent + warmup,
    ok + warmedUp,
  ]);
  expect(perSecond.at(-1)?.in_flight).toBe('0');
}

/** Reasons that a machine which is busy elsewhere gives of itself, or of streams that it reads late. */
export const BUSY: readonly string[] = ['client_bound', 'schedule_not_kept', 'little', 'buffered_stream'];

/**
 * A run that went well, on a machine that may be busy: it may say of itself that it was, and is no measurement then;
 * nothing else may be wrong.
 */
export function expectSound(end: CliEnd, run: ReturnType<typeof readRun>): void {
  expect(end.stderr).not.toContain('error');
  const { status, reasons } = run.summary.verdict;
  const codes = reasons.map(({ code }: { code: string }) => code);
  expect(codes.filter((code: string) => !BUSY.includes(code))).toEqual([]);
  expect(end.code).toBe(status === 'INVALID' ? 4 : 0);
  expectConservation(run);
}
