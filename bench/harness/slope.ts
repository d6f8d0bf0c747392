/** What a request costs once a client runs: the difference between a long and a short run, so that its start drops out. */
import type { BenchOptions } from './figures.js';
import type { Throughput } from './peers.js';
import type { Contender, Run } from './rounds.js';

export interface Slope extends Run {
  /** CPU of the long run less that of the short one, over the difference in requests, µs. */
  readonly steadyUs: number;
  /** CPU of the long run's whole process over its requests, µs. */
  readonly wholeUs: number;
  /** Requests of the long run less those of the short one, over the difference in time. */
  readonly steadyPerS: number;
}

/** The short run must be over its just-in-time compilation, or that would count as steady. */
const SHORT_S = 2;

/** A contender that runs briefly and long each time; in a smoke run once, which is then taken for both. */
export function slope(
  name: string,
  { seconds, smoke }: BenchOptions,
  run: (seconds: number) => Promise<Throughput>,
): Contender<Slope> {
  const longS = Math.ceil(SHORT_S + seconds);
  return {
    name,
    async run() {
      if (smoke) {
        const { cpuS, requests, perS } = await run(seconds);
        const us = (cpuS * 1e6) / requests;
        return { cpuS, steadyUs: us, wholeUs: us, steadyPerS: perS };
      }
      const brief = await run(SHORT_S);
      const long = await run(longS);
      const requests = long.requests - brief.requests;
      return {
        cpuS: brief.cpuS + long.cpuS,
        steadyUs: ((long.cpuS - brief.cpuS) * 1e6) / requests,
        wholeUs: (long.cpuS * 1e6) / long.requests,
        steadyPerS: requests / (longS - SHORT_S),
      };
    },
  };
}
