import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { expectConservation } from '../support/runs.js';

afterAll(closeAnswering);

describe('a target that', () => {
  it.concurrent.each<[string, RequestListener, string]>([
    ['answers 500', (_request, response) => response.writeHead(500).end('{"error":"boom \u001b[31m"}'), 'http_5xx'],
    ['answers garbage', (_request, response) => response.end('<html>'), 'invalid_json'],
    ['answers the wrong thing', (_request, response) => response.end('{"status":"ok"}'), 'schema_mismatch'],
    ['closes the connection', (request) => request.socket.destroy(), 'closed_before_response'],
  ])('%s has no success: exit 4, with the cause', async (_case, answer, outcome) => {
    const cwd = newDirectory();
    const url = await serverOf(answer);
    const end = await cli(
      ['run', url, '--pattern', 'constant', '--users', '2', '--duration', '1s', '--think-time', '100ms', '--out', 'r'],
      { cwd },
    );
    expect(end.code).toBe(4);
    const run = readRun(join(cwd, 'r'));
    expectConservation(run);
    expect(run.summary.verdict.status).toBe('INVALID');
    expect(run.summary.verdict.reasons[0].code).toBe('no_success');
    expect(run.summary.failures[0].outcome).toBe(outcome);
    expect(run.summary.latency).toMatchObject({ n: 0, p95_ms: null });
    expect(end.stdout).toContain(outcome);
    expect(end.stdout).not.toContain('\u001b');
    expect(end.stderr).not.toMatch(/^ {4}at /m);
  });

  it.concurrent('fails a part is SUSPECT, exit 0', async () => {
    let count = 0;
    const url = await serverOf((_request, response) => {
      response.writeHead(count++ % 2 === 0 ? 200 : 503).end('{"joy":1}');
    });
    const end = await cli(['run', url, '--pattern', 'constant', '--duration', '1s', '--think-time', '50ms', '--json']);
    expect(end.code).toBe(0);
    const { status, reasons } = JSON.parse(end.stdout).verdict;
    expect(status).toBe('SUSPECT');
    expect(reasons.map(({ code }: { code: string }) => code)).toContain('errors');
  });

  it.concurrent('is slower than the deadline: every request a timeout at its time', async () => {
    const cwd = newDirectory();
    const url = await serverOf(() => {});
    const end = await cli(
      ['run', url, '--pattern', 'constant', '--users', '2', '--duration', '1s', '--timeout', '300ms', '--out', 'r'],
      { cwd },
    );
    expect(end.code).toBe(4);
    const run = readRun(join(cwd, 'r'));
    expect(run.summary.failures).toMatchObject([{ outcome: 'timeout_ttfb', origin: 'target' }]);
    for (const { start_us, end_us } of run.samples) {
      expect(Number(end_us) - Number(start_us)).toBeGreaterThanOrEqual(299_000);
    }
  });

  it.concurrent('never answers leaves requests to be abandoned at the end of the drain', async () => {
    const cwd = newDirectory();
    const url = await serverOf(() => {});
    const end = await cli(
      ['run', url, '--pattern', 'constant', '--users', '2', '--duration', '1s', '--drain', '200ms', '--out', 'r'],
      { cwd },
    );
    expect(end.code).toBe(4);
    const run = readRun(join(cwd, 'r'));
    expectConservation(run);
    expect(run.summary.counts).toMatchObject({ sent: 2, abandoned: 2 });
  });
});
