import type { MetricData, PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { BenchError, errorCode } from '../errors.js';
import type { LiveMetric } from '../reports/live-metrics.js';
import { VERSION } from '../version.js';

const INTERVAL_MS = 5_000;
/** At the end of a run a collector that does not answer is waited for this long. */
const TIMEOUT_MS = 2_000;

/** What has to be installed beside this program; the others that are loaded come with these. */
const PACKAGES = ['@opentelemetry/sdk-metrics', '@opentelemetry/exporter-metrics-otlp-http'];

/** Metrics on their way to a collector. */
export interface OtlpPush {
  /** Sends the last figures and ends. */
  close(): Promise<void>;
}

export interface OtlpOptions {
  /** Of a collector; OTLP's own path is added where it has none. Secrets come by OTEL_EXPORTER_OTLP_HEADERS. */
  readonly url: string;
  readonly metrics: () => readonly LiveMetric[];
  /** Names of the run, for every figure. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Epoch milliseconds now; the counters began at the first call. */
  readonly epochMs: () => number;
  /** Told once when a push is not delivered: a collector that is down is no reason to lose a run. */
  readonly warn: (line: string) => void;
}

/**
 * Sends live metrics as OTLP over HTTP, in JSON, every five seconds. The encoding is OpenTelemetry's; what it is given is
 * cumulative already, so that nothing is recorded twice. Throws BenchError('usage') where its packages are not installed.
 */
export async function startOtlp({ url, metrics, attributes, epochMs, warn }: OtlpOptions): Promise<OtlpPush> {
  const [sdk, exporting, resources] = await packages();
  const target = new URL(url);
  const full = target.pathname === '/' ? new URL('/v1/metrics', target).href : url;
  const exporter = warnOnce(new exporting.OTLPMetricExporter({ url: full, timeoutMillis: TIMEOUT_MS }), url, warn);
  const started = hrTime(epochMs());
  const resource = resources
    .resourceFromAttributes({ 'service.name': 'infer-bench', 'service.version': VERSION, ...attributes })
    // An id, so that two runs at a time are two series, and what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say.
    .merge(resources.detectResources({ detectors: [resources.serviceInstanceIdDetector, resources.envDetector] }));
  const collect = (): ResourceMetrics => ({
    resource,
    scopeMetrics: [
      {
        scope: { name: 'infer-bench', version: VERSION },
        metrics: metrics().map((metric) => metricData(sdk, metric, started, hrTime(epochMs()))),
      },
    ],
  });
  const reader = new sdk.PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: INTERVAL_MS,
    exportTimeoutMillis: TIMEOUT_MS,
    metricProducers: [{ collect: async () => ({ resourceMetrics: collect(), errors: [] }) }],
  });
  const provider = new sdk.MeterProvider({ resource, readers: [reader] });
  return { close: () => provider.shutdown() };
}

/** Optional packages: few runs need them, and they take 115 ms to load. */
async function packages() {
  try {
    return await Promise.all([
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/exporter-metrics-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  } catch (error) {
    if (errorCode(error) === 'ERR_MODULE_NOT_FOUND') {
      throw new BenchError('usage', "Cannot use --otlp: OpenTelemetry's packages are not installed", {
        hint:
          `npm install ${PACKAGES.join(' ')}; with npx: ` +
          `npx ${['infer-bench', ...PACKAGES].map((name) => `-p ${name}`).join(' ')} infer-bench run …`,
        cause: error,
      });
    }
    throw error;
  }
}

type Sdk = typeof import('@opentelemetry/sdk-metrics');
type HrTime = [seconds: number, ns: number];

function metricData(sdk: Sdk, metric: LiveMetric, startTime: HrTime, endTime: HrTime): MetricData {
  const common = {
    descriptor: {
      // OpenTelemetry's names have no unit and no _total: its exporters for Prometheus add them.
      name: metric.name.replace(/_(seconds|total)$/, '').replaceAll('infer_bench_', 'infer_bench.'),
      description: metric.help,
      unit: metric.unit,
      // DOUBLE of its API's enum, which is all that we would load the API for.
      valueType: 1,
    },
    aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
  };
  if (metric.type === 'histogram') {
    return {
      ...common,
      dataPointType: sdk.DataPointType.HISTOGRAM,
      dataPoints: metric.points.map(({ labels, boundsS, counts, sumS, count }) => ({
        startTime,
        endTime,
        attributes: labels,
        value: { buckets: { boundaries: [...boundsS], counts: [...counts] }, sum: sumS, count },
      })),
    };
  }
  const dataPoints = metric.points.map(({ labels, value }) => ({ startTime, endTime, attributes: labels, value }));
  return metric.type === 'counter'
    ? { ...common, dataPointType: sdk.DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...common, dataPointType: sdk.DataPointType.GAUGE, dataPoints };
}

function hrTime(epochMs: number): HrTime {
  const seconds = Math.floor(epochMs / 1000);
  return [seconds, Math.round((epochMs - seconds * 1000) * 1e6)];
}

/** The exporter, with the first failure told; the SDK itself tells only whoever sets a logger for the whole process. */
function warnOnce(exporter: PushMetricExporter, url: string, warn: (line: string) => void): PushMetricExporter {
  let told = false;
  return {
    export(metrics, done) {
      exporter.export(metrics, (result) => {
        if (result.error && !told) {
          told = true;
          warn(`otlp: ${url} did not take the metrics: ${result.error.message}`);
        }
        // Told: for the SDK it is no error of its own.
        done({ code: 0 });
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}
