import { ORIGINS, type Origin, OUTCOMES, type Outcome, wasSent } from '../samples/outcomes.js';

/** Requests by how they ended. planned = sent + dropped + not_sent; sent = ok + failed + abandoned. */
export interface OutcomeTotals {
  readonly planned: number;
  readonly sent: number;
  readonly dropped: number;
  readonly not_sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly abandoned: number;
}

/** One way of failing, with an example of what the other side or the library said. */
export interface FailureCause {
  readonly outcome: Outcome;
  readonly origin: Origin | null;
  readonly count: number;
  readonly example: string | null;
}

/** How often an outcome came, and the fault that its first row had (index of ORIGINS, −1 for none). */
interface OutcomeCount {
  readonly outcome: Outcome;
  count: number;
  origin: number;
}

/** Counts requests by how they ended. */
export interface OutcomeCounts {
  /** Indexes of OUTCOMES and ORIGINS, −1 for no origin. */
  add(outcome: number, origin: number): void;
  countOf(outcome: Outcome): number;
  totals(): OutcomeTotals;
  /** Ways of failing, the most frequent first, with the texts that explain them. */
  failures(examples: ReadonlyMap<Outcome, string>): readonly FailureCause[];
}

export function outcomeCounts(): OutcomeCounts {
  const entries: readonly OutcomeCount[] = OUTCOMES.map((outcome) => ({ outcome, count: 0, origin: -1 }));
  const countOf = (outcome: Outcome) => (entries[OUTCOMES.indexOf(outcome)] as OutcomeCount).count;
  const sum = (which: (outcome: Outcome) => boolean) =>
    entries.reduce((total, { outcome, count }) => total + (which(outcome) ? count : 0), 0);
  return {
    add(outcome, origin) {
      const entry = entries[outcome] as OutcomeCount;
      if (entry.count++ === 0) {
        entry.origin = origin;
      }
    },
    countOf,
    totals() {
      const ok = countOf('ok');
      const abandoned = countOf('abandoned');
      const sent = sum(wasSent);
      return {
        planned: sum(() => true),
        sent,
        dropped: countOf('dropped'),
        not_sent: sum((outcome) => outcome.startsWith('not_sent_')),
        ok,
        failed: sent - ok - abandoned,
        abandoned,
      };
    },
    failures: (examples) =>
      entries
        .filter(({ outcome, count }) => count > 0 && outcome !== 'ok')
        .map(({ outcome, count, origin }) => ({
          outcome,
          origin: ORIGINS[origin] ?? null,
          count,
          example: examples.get(outcome) ?? null,
        }))
        .sort((a, b) => b.count - a.count),
  };
}
