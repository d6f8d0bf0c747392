import { US_PER_S } from '../units.js';
import type { Service } from './service.js';
import type { Histogram } from './totals.js';

/** What Prometheus is told of a server. */
export interface Metrics {
  /** A request that was answered: its endpoint as declared, and the HTTP status, gRPC code or `reset`. */
  count(via: 'http' | 'grpc', endpoint: string, code: number | 'reset'): void;
  /** All figures in the text format, version 0.0.4. */
  text(): string;
}

/** The content type of the text. Source: Prometheus' exposition formats. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

/** What the figures of a service are read from. */
type Observed = Pick<Service, 'totals' | 'slots'>;

/** The figures of some services, which are looked at when they are asked for; by the names of their kinds. */
export function createMetrics(services: ReadonlyMap<string, Observed>): Metrics {
  /** By their labels as text. */
  const requests = new Map<string, number>();

  return {
    count(via, endpoint, code) {
      const labels = labelText({ via, endpoint, code: String(code) });
      requests.set(labels, (requests.get(labels) ?? 0) + 1);
    },
    text() {
      const lines: string[] = [];
      const family = (name: string, type: string, help: string) =>
        lines.push(`# HELP infer_bench_${name} ${help}`, `# TYPE infer_bench_${name} ${type}`);
      const sample = (name: string, labels: Labels, value: number) =>
        lines.push(`infer_bench_${name}${labelText(labels)} ${value}`);
      const each = (use: (service: Observed, server: string) => void) => {
        for (const [server, service] of services) {
          use(service, server);
        }
      };
      const perServer = (
        name: string,
        { type, help }: { readonly type: 'counter' | 'gauge'; readonly help: string },
        figureOf: (service: Observed) => number,
      ) => {
        family(name, type, help);
        each((service, server) => sample(name, { server }, figureOf(service)));
      };
      const histogram = (name: string, help: string, of: (service: Observed) => Histogram) => {
        family(name, 'histogram', help);
        each((service, server) => {
          const { bounds, atMost, count, sum } = of(service);
          for (const [index, bound] of bounds.entries()) {
            sample(`${name}_bucket`, { server, le: String(bound) }, atMost[index] as number);
          }
          sample(`${name}_bucket`, { server, le: '+Inf' }, count);
          sample(`${name}_sum`, { server }, sum);
          sample(`${name}_count`, { server }, count);
        });
      };

      family('requests_total', 'counter', 'Requests answered, by endpoint and HTTP status or gRPC code.');
      for (const [labels, count] of requests) {
        lines.push(`infer_bench_requests_total${labels} ${count}`);
      }
      const gauge = (help: string) => ({ type: 'gauge', help }) as const;
      const counter = (help: string) => ({ type: 'counter', help }) as const;
      perServer('queue_depth', gauge('Requests that wait for a slot or for their batch.'), ({ slots }) =>
        slots.waiting(),
      );
      perServer('requests_in_service', gauge('Requests in service.'), ({ slots }) => slots.inService());
      perServer('items_total', counter('Items of the requests that were computed.'), ({ totals }) => totals.items);
      perServer(
        'cache_hits_total',
        counter('Requests answered from the cache.'),
        ({ totals }) => totals.cacheHit.count,
      );
      perServer('cache_misses_total', counter('Requests not found in it.'), ({ totals }) => totals.cacheMiss.count);
      perServer('refused_total', counter('Requests refused since the queue was full.'), ({ totals }) => totals.full);
      family('faults_total', 'counter', 'Faults on request.');
      each(({ totals }, server) => {
        sample('faults_total', { server, kind: 'error' }, totals.errors);
        sample('faults_total', { server, kind: 'reset' }, totals.resets);
      });
      histogram('batch_items', 'Items that were served together.', ({ totals }) => totals.batchItems);
      histogram('service_seconds', 'Service time of a batch.', ({ totals }) => totals.serviceS);
      histogram('queue_seconds', 'Time that a request waited for its service.', ({ totals }) => totals.queueS);
      perServer(
        'request_seconds_total',
        counter('Time from receipt to answer, all requests.'),
        ({ totals }) => (totals.success.us + totals.fail.us) / US_PER_S,
      );
      return `${lines.join('\n')}\n`;
    },
  };
}

function labelText(labels: Labels): string {
  const cells = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escaped)}"`);
  return `{${cells.join(',')}}`;
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
