import { OK_CODE, OUTCOMES, type Outcome, SENT_CODES, WARMUP_CODE } from '../samples/outcomes.js';
import type { Sink } from '../samples/sink.js';
import { type Histogram, histogram } from './histogram.js';

/** One endpoint up to now. */
export interface LiveEndpoint {
  readonly endpoint: string;
  /** Requests by how they ended; only outcomes that came. */
  readonly outcomes: readonly (readonly [Outcome, count: number])[];
  /** end − intended and end − start of `ok` requests. */
  readonly latency: Histogram;
  readonly serviceTime: Histogram;
}

/** A running run since its start, for who looks at it from outside: nothing in it ever shrinks but the users. */
export interface LiveTotals extends Sink {
  endpoints(): readonly LiveEndpoint[];
  /** start − intended of everything that was sent. */
  readonly lag: Histogram;
  users: NonNullable<Sink['users']>;
  /** Users in a closed run, requests in flight in an open one. */
  activeUsers(): number;
}

/** Folds measured samples; those of the warm-up are left out, as they are of the summary. `names` are the endpoints by their index. */
export function liveTotals(names: readonly string[]): LiveTotals {
  const parts = names.map((endpoint) => ({
    endpoint,
    counts: new Float64Array(OUTCOMES.length),
    latency: histogram(),
    serviceTime: histogram(),
  }));
  const lag = histogram();
  let active = 0;
  return {
    lag,
    rows(block) {
      for (let row = 0; row < block.length; row++) {
        if (block.phase[row] === WARMUP_CODE) {
          continue;
        }
        const code = block.outcome[row] as number;
        const part = parts[block.endpoint[row] as number] as (typeof parts)[number];
        part.counts[code] = (part.counts[code] as number) + 1;
        if (SENT_CODES[code] === 1) {
          const startUs = block.startUs[row] as number;
          lag.record(startUs - (block.intendedUs[row] as number));
          if (code === OK_CODE) {
            const endUs = block.endUs[row] as number;
            part.latency.record(endUs - (block.intendedUs[row] as number));
            part.serviceTime.record(endUs - startUs);
          }
        }
      }
    },
    users(_atUs, users) {
      active = users;
    },
    close() {},
    activeUsers: () => active,
    endpoints: () =>
      parts.map(({ endpoint, counts, latency, serviceTime }) => ({
        endpoint,
        outcomes: OUTCOMES.map((outcome, code) => [outcome, counts[code] as number] as const).filter(
          ([outcome, count]) => count > 0 || outcome === 'ok',
        ),
        latency,
        serviceTime,
      })),
  };
}
