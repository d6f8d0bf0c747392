import { wallMs } from '../clock.js';
import { liveTotals } from '../reduce/live-totals.js';
import { liveMetrics, liveText } from '../reports/live-metrics.js';
import type { Sink } from '../samples/sink.js';
import { safeText } from '../text.js';

export interface LiveExportOptions {
  readonly settings: {
    readonly 'metrics-port': number | undefined;
    readonly 'metrics-host': string;
    readonly otlp: string | undefined;
    readonly protocol: string;
    readonly pattern: string;
  };
  readonly endpoints: readonly string[];
  readonly say: (line: string) => void;
}

/** What tells others of a run while it goes on. */
export interface LiveExport {
  /** What it takes rows by; empty when nobody wants to know. */
  readonly sinks: readonly Sink[];
  /** Tells the last of it. */
  close(): Promise<void>;
}

/** Starts what the flags ask for. Throws BenchError('usage') when it cannot be. */
export async function startLiveExport({ settings, endpoints, say }: LiveExportOptions): Promise<LiveExport> {
  const { 'metrics-port': port, 'metrics-host': host, otlp: url } = settings;
  if (port === undefined && url === undefined) {
    return { sinks: [], close: async () => {} };
  }
  const live = liveTotals(endpoints);
  const metrics = () => liveMetrics(live);
  const server =
    port === undefined
      ? undefined
      : await (await import('./metrics-server.js')).startMetricsServer(host, port, () => liveText(metrics()));
  if (server) {
    say(`metrics: ${server.url}`);
  }
  try {
    const otlp =
      url === undefined
        ? undefined
        : await (await import('./otlp.js')).startOtlp({
            url,
            metrics,
            attributes: { 'infer_bench.protocol': settings.protocol, 'infer_bench.pattern': settings.pattern },
            epochMs: wallMs,
            warn: (line) => say(safeText(line)),
          });
    return {
      sinks: [live],
      async close() {
        await Promise.all([server?.close(), otlp?.close()]);
      },
    };
  } catch (error) {
    await server?.close();
    throw error;
  }
}
