import { OK_CODE, SAMPLE_CODES, SENT_CODES } from '../samples/outcomes.js';
import { CACHE_WORDS, type SampleBlock } from '../samples/sample.js';
import { type AllInfDistribution, allInfDistribution, type Distribution, distribution } from './distribution.js';
import { type Histogram, histogram } from './histogram.js';
import { type FailureCause, type OutcomeTotals, outcomeCounts } from './outcome-counts.js';

/** Bytes of the bodies of what was sent. */
export interface BodyBytes {
  readonly out_bytes: number;
  readonly in_bytes: number;
}

/** What the requests to one endpoint come to; every figure as in the totals of the run. */
export interface EndpointTotals {
  readonly endpoint: string;
  readonly counts: OutcomeTotals;
  readonly failures: readonly Omit<FailureCause, 'example'>[];
  readonly ok_per_s: number;
  readonly error_ratio: number | null;
  readonly latency: Distribution;
  readonly latency_all_inf: AllInfDistribution;
  readonly service_time: Distribution;
  readonly bytes: BodyBytes;
}

/** `ok` answers that the server said were, or were not, from its cache. What says nothing is in neither. */
export interface CacheTotals {
  /** Hits / (hits + misses). */
  readonly hit_ratio: number;
  readonly hit: CachePart;
  readonly miss: CachePart;
}

export interface CachePart {
  readonly n: number;
  readonly latency: Distribution;
  readonly service_time: Distribution;
}

/** Latency and service time of `ok` requests. */
interface Times {
  readonly latency: Histogram;
  readonly service: Histogram;
}

function times(): Times {
  return { latency: histogram(), service: histogram() };
}

function addTimes({ latency, service }: Times, block: SampleBlock, row: number): void {
  const endUs = block.endUs[row] as number;
  latency.record(endUs - (block.intendedUs[row] as number));
  service.record(endUs - (block.startUs[row] as number));
}

/** Folds measured rows by endpoint; those of a single endpoint are not looked at. */
export function endpointSplit(names: readonly string[]) {
  const split = names.length > 1;
  const parts = split
    ? names.map((endpoint) => ({
        endpoint,
        outcomes: outcomeCounts(),
        ...times(),
        failed: 0,
        okInTime: 0,
        outBytes: 0,
        inBytes: 0,
      }))
    : [];
  return {
    /** `toUs`: the end of the measured window. */
    add(block: SampleBlock, row: number, toUs: number): void {
      if (!split) {
        return;
      }
      const part = parts[block.endpoint[row] as number] as (typeof parts)[number];
      const code = block.outcome[row] as number;
      part.outcomes.add(code, block.origin[row] as number);
      if (SENT_CODES[code] === 1) {
        part.outBytes += block.bytesOut[row] as number;
        part.inBytes += block.bytesIn[row] as number;
      }
      if (code === OK_CODE) {
        addTimes(part, block, row);
        part.okInTime += (block.endUs[row] as number) <= toUs ? 1 : 0;
      } else {
        part.failed += SAMPLE_CODES[code] as number;
      }
    },
    /** By endpoint; none where there is a single one. */
    histograms: () => parts.map(({ endpoint, latency, service }) => ({ endpoint, latency, serviceTime: service })),
    finish: (windowS: number): readonly EndpointTotals[] =>
      parts.map(({ endpoint, outcomes, latency, service, failed, okInTime, outBytes, inBytes }) => {
        const counts = outcomes.totals();
        const judged = counts.ok + failed;
        return {
          endpoint,
          counts,
          failures: outcomes.failures(new Map()).map(({ example: _none, ...cause }) => cause),
          ok_per_s: windowS > 0 ? okInTime / windowS : 0,
          error_ratio: judged === 0 ? null : failed / judged,
          latency: distribution(latency),
          latency_all_inf: allInfDistribution(latency, failed + counts.dropped),
          service_time: distribution(service),
          bytes: { out_bytes: outBytes, in_bytes: inBytes },
        };
      }),
  };
}

/** Folds measured rows by what the server said of its cache. */
export function cacheSplit() {
  let parts: readonly Times[] | undefined;
  return {
    add(block: SampleBlock, row: number): void {
      const code = block.cache[row] as number;
      if (code >= 0 && block.outcome[row] === OK_CODE) {
        parts ??= CACHE_WORDS.map(times);
        addTimes(parts[code] as Times, block, row);
      }
    },
    finish(): CacheTotals | null {
      if (!parts) {
        return null;
      }
      const [miss, hit] = parts.map(({ latency, service }) => ({
        n: latency.count,
        latency: distribution(latency),
        service_time: distribution(service),
      })) as [CachePart, CachePart];
      return { hit_ratio: hit.n / (hit.n + miss.n), hit, miss };
    },
  };
}
