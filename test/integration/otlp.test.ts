import { describe, expect, it, vi } from 'vitest';
import { startOtlp } from '../../src/commands/otlp.js';
import { liveTotals } from '../../src/reduce/live-totals.js';
import { liveMetrics } from '../../src/reports/live-metrics.js';
import { startCollector } from '../support/collector.js';
import { blockOf, sample } from '../support/samples.js';

const STARTED_MS = 1_795_252_353_250;

/** Pushes three requests to a collector, and ends. */
async function pushed(url: string): Promise<readonly string[]> {
  const live = liveTotals(['predict']);
  const warnings: string[] = [];
  let nowMs = STARTED_MS;
  const otlp = await startOtlp({
    url,
    metrics: () => liveMetrics(live),
    attributes: { 'infer_bench.protocol': 'predict' },
    epochMs: () => nowMs,
    warn: (line) => warnings.push(line),
  });
  nowMs += 2_000;
  live.rows(blockOf([sample({ endUs: 1_000 }), sample({ endUs: 3_000 }), sample({ outcome: 'http_5xx' })]));
  live.users(0, 4);
  await otlp.close();
  return warnings;
}

describe('OTLP', () => {
  it('sends the last figures when the run ends', async () => {
    const collector = await startCollector();
    expect(await pushed(collector.url)).toEqual([]);
    await collector.close();
    expect(collector.pushes.at(-1)).toMatchObject({ path: '/v1/metrics', type: 'application/json' });
    expect(collector.pushes.at(-1)?.body.resourceMetrics[0]?.resource.attributes).toEqual(
      expect.arrayContaining([
        { key: 'service.name', value: { stringValue: 'infer-bench' } },
        { key: 'infer_bench.protocol', value: { stringValue: 'predict' } },
      ]),
    );
    const requests = collector.last('infer_bench.live_requests')?.sum;
    // 2 is CUMULATIVE.
    expect(requests).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
    expect(
      requests?.dataPoints.map(({ attributes, asDouble }) => [attributes[1]?.value.stringValue, asDouble]),
    ).toEqual([
      ['ok', 2],
      ['http_5xx', 1],
    ]);
    expect(requests?.dataPoints[0]).toMatchObject({
      startTimeUnixNano: '1795252353250000000',
      timeUnixNano: '1795252355250000000',
    });
    const latency = collector.last('infer_bench.live_latency');
    expect(latency?.unit).toBe('s');
    expect(latency?.histogram?.dataPoints[0]).toMatchObject({ count: 2, sum: 0.004 });
    expect(latency?.histogram?.dataPoints[0]?.bucketCounts?.slice(0, 5)).toEqual([0, 1, 0, 1, 0]);
    expect(latency?.histogram?.dataPoints[0]?.explicitBounds?.slice(0, 2)).toEqual([0.0005, 0.001]);
    expect(collector.last('infer_bench.live_users')?.gauge?.dataPoints[0]?.asDouble).toBe(4);
  });

  it('has units that become no part of a name in Prometheus but seconds', async () => {
    const collector = await startCollector();
    await pushed(collector.url);
    await collector.close();
    const metrics = collector.pushes.at(-1)?.body.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
    expect(metrics.map(({ name, unit }) => [name, unit])).toEqual([
      ['infer_bench.live_requests', '{request}'],
      ['infer_bench.live_latency', 's'],
      ['infer_bench.live_service_time', 's'],
      ['infer_bench.live_lag', 's'],
      ['infer_bench.live_users', '{user}'],
    ]);
  });

  it('is one instance of a service, named as its variables say', async () => {
    const collector = await startCollector();
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=ci,service.version=9');
    vi.stubEnv('OTEL_SERVICE_NAME', 'bench');
    await pushed(collector.url);
    vi.unstubAllEnvs();
    await collector.close();
    const attributes = collector.pushes[0]?.body.resourceMetrics[0]?.resource.attributes ?? [];
    expect(Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]))).toMatchObject({
      'service.name': 'bench',
      'service.version': '9',
      'service.instance.id': expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/),
      'deployment.environment.name': 'ci',
      'infer_bench.protocol': 'predict',
    });
  });

  it('takes a path as it is', async () => {
    const collector = await startCollector();
    await pushed(`${collector.url}/otlp/metrics`);
    await collector.close();
    expect(collector.pushes.at(-1)?.path).toBe('/otlp/metrics');
  });

  it('tells once of a collector that refuses, and of none that is there, and ends all the same', async () => {
    const collector = await startCollector(400);
    const [line, ...more] = await pushed(collector.url);
    await collector.close();
    expect(more).toEqual([]);
    expect(line).toContain(`otlp: ${collector.url} did not take the metrics: `);
    expect(await pushed(collector.url)).toHaveLength(1);
  });
});
