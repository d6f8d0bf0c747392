import { histogram } from '../../src/reduce/histogram.js';
import { perSecond } from '../../src/reduce/per-second.js';
import type { HostFacts, Results } from '../../src/reports/results.js';
import type { Sample } from '../../src/samples/sample.js';
import { reportOn } from './reports.js';
import { blockOf } from './samples.js';

/** 2026-11-21T09:12:33Z, as in the report. */
export const STARTED_EPOCH_S = 1_795_252_353;

/** The machine that it was made on. */
export const HOST: HostFacts = {
  platform: 'linux',
  arch: 'x64',
  node: 'v20.20.0',
  cpus: 8,
  cpu_model: 'Some Processor',
  cores_available: 2,
  memory_bytes: 16e9,
  kernel: 'Linux 6.1.0',
};

/** The results of a run with these samples, whose zero is a whole epoch second. */
export function resultsOn(samples: readonly Sample[], endpoints: readonly string[] = ['sentiment']): Results {
  const seconds = perSecond(STARTED_EPOCH_S * 1e6, endpoints.length);
  seconds.rows(blockOf(samples));
  const measured = samples.filter(({ phase }) => phase !== 'warmup');
  const of = (
    value: (sample: Sample) => number | undefined,
    from = measured.filter(({ outcome }) => outcome === 'ok'),
  ) => {
    const all = histogram();
    for (const sample of from) {
      const us = value(sample);
      if (us !== undefined) {
        all.record(us);
      }
    }
    return all;
  };
  const latencyUs = ({ endUs, intendedUs }: Sample) => (endUs as number) - intendedUs;
  const serviceUs = ({ endUs, startUs }: Sample) => (endUs as number) - (startUs as number);
  return {
    report: reportOn(samples, [], null, endpoints),
    host: HOST,
    endpoints,
    seconds: seconds.finish(),
    generator: [],
    latency: of(latencyUs),
    serviceTime: of(serviceUs),
    lag: of(({ startUs, intendedUs }) => (startUs === undefined ? undefined : startUs - intendedUs), measured),
    byEndpoint: endpoints.map((endpoint, index) => {
      const own = measured.filter((sample) => sample.outcome === 'ok' && sample.endpoint === index);
      return { endpoint, latency: of(latencyUs, own), serviceTime: of(serviceUs, own) };
    }),
    secondHistograms: () => seconds.histograms(),
  };
}
