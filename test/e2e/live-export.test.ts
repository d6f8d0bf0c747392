import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, newDirectory, startCli } from '../support/cli.js';
import { startCollector } from '../support/collector.js';

const LOAD = ['--pattern', 'constant', '--users', '4', '--think-time', '20ms', '--out', 'r'];

describe('a run that is looked at while it goes on', () => {
  it('answers Prometheus and tells a collector, with the figures of its summary at the end', async () => {
    const collector = await startCollector();
    const cwd = newDirectory();
    const run = startCli(['run', ...LOAD, '--duration', '4s', '--metrics-port', '0', '--otlp', collector.url], { cwd });
    let stderr = '';
    run.process.stderr?.on('data', (text: string) => {
      stderr += text;
    });
    await run.stderrHas('/metrics');
    const url = /^metrics: (http:\/\/127\.0\.0\.1:\d+\/metrics)$/m.exec(stderr)?.[1] as string;
    // Rows come at least every 200 ms; asked until there are some.
    let ok = 0;
    while (ok === 0) {
      const response = await fetch(url);
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      ok = Number(/live_requests_total\{endpoint="sentiment",outcome="ok"\} (\d+)/.exec(await response.text())?.[1]);
    }
    expect((await fetch(url.replace('/metrics', '/')).catch(() => undefined))?.status).toBe(404);
    const end = await run.end;
    await collector.close();
    expect(end.code).toBe(0);
    const { counts, latency } = JSON.parse(readFileSync(join(cwd, 'r', 'summary.json'), 'utf8'));
    expect(ok).toBeLessThanOrEqual(counts.ok);
    expect(collector.last('infer_bench.live_requests')?.sum?.dataPoints[0]?.asDouble).toBe(counts.ok);
    expect(collector.last('infer_bench.live_latency')?.histogram?.dataPoints[0]?.count).toBe(latency.n);
  });

  it('goes on without a collector', async () => {
    const collector = await startCollector();
    await collector.close();
    const end = await cli(['run', ...LOAD, '--duration', '1s', '--otlp', collector.url]);
    expect(end.stderr).toContain(`otlp: ${collector.url} did not take the metrics`);
    expect(end.code).toBe(0);
  });

  it('does not begin where its port is taken, or the URL of the collector has secrets', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const taken = await cli(['run', ...LOAD, '--duration', '1s', '--metrics-port', String(port)]);
    await new Promise((resolve) => server.close(resolve));
    expect(taken.stderr).toContain(`Cannot listen on --metrics-port ${port} of 127.0.0.1: the port is in use`);
    expect(taken.code).toBe(2);
    const secret = await cli(['run', ...LOAD, '--otlp', 'http://user:hunter2@127.0.0.1:1']);
    expect(secret.stderr).toContain('without user, password and query');
    expect(secret.code).toBe(2);
  });
});
