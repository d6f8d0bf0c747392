import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun, startCli } from '../support/cli.js';

/** A sentiment server that notes which request came with which id. */
async function notingServer() {
  const paths = new Map<number, string>();
  const server = createServer((request, response) => {
    paths.set(Number(request.headers['x-request-id']), String(request.url));
    response.setHeader('content-type', 'application/json').end('{"negative":0.5,"positive":0.5}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function openRun(workers: string, order: readonly string[]) {
  const server = await notingServer();
  const cwd = newDirectory();
  const rates = ['--rate', '300', '--spacing', 'poisson', '--duration', '2s', ...order];
  const end = await cli(['run', server.url, ...rates, '--workers', workers, '--truth-log', 'asked', '--out', 'run'], {
    cwd,
  });
  server.close();
  const run = readRun(join(cwd, 'run'));
  expect(end.stderr).not.toContain('error');
  expect(run.summary.counts.ok).toBe(run.summary.counts.planned);
  expect(run.summary.counts.ok).toBeGreaterThan(450);
  return { run, paths: server.paths };
}

it.each([[[]], [['--repeat-rate', '0.5']]])(
  'any number of workers sends the same requests at the same intended times, payload for payload %j',
  async (order) => {
    const [alone, three] = [await openRun('1', order), await openRun('3', order)];
    const intended = ({ run }: typeof alone) => new Map(run.samples.map(({ seq, intended_us }) => [seq, intended_us]));
    expect(intended(three)).toEqual(intended(alone));
    expect(three.paths).toEqual(alone.paths);
    // Nearly all are different tweets, or half of them.
    const distinct = new Set(alone.paths.values()).size / alone.paths.size;
    expect(Math.abs(distinct - (order.length === 0 ? 1 : 0.5))).toBeLessThan(0.06);
    const ends = three.run.samples.map(({ end_us }) => Number(end_us));
    expect(new Set(three.run.samples.map(({ worker }) => worker))).toEqual(new Set(['0', '1', '2']));
    // What ends in the same moment may come in any order.
    const disorderUs = ends.map((endUs, row) => Math.max(0, (ends[row - 1] ?? 0) - endUs));
    expect(Math.max(...disorderUs)).toBeLessThan(20_000);
  },
);

describe('users over two workers', () => {
  it('are as many as the pattern says, each with its own number', async () => {
    const server = await notingServer();
    const cwd = newDirectory();
    const pattern = ['--pattern', 'step', '--step-users', '3', '--step-time', '1s', '--duration', '3s'];
    const end = await cli(['run', server.url, ...pattern, '--think-time', '50ms', '--workers', '2', '--out', 'run'], {
      cwd,
    });
    server.close();
    const run = readRun(join(cwd, 'run'));
    expect([0, 4]).toContain(end.code);
    expect(run.summary.counts.ok).toBe(run.samples.length);
    expect(run.samples.length).toBeGreaterThan(60);
    expect(new Set(run.samples.map(({ user }) => Number(user)))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    expect(run.samples.every(({ user, worker }) => Number(user) % 2 === Number(worker))).toBe(true);
    expect(new Set(run.samples.map(({ seq }) => seq)).size).toBe(run.samples.length);
    expect(Math.max(...run.rawUsers.map(([, users]) => users))).toBe(9);
    expect(run.rawUsers.at(-1)?.[1]).toBe(0);
  });

  it('stop at a signal, and everything is written', async () => {
    const server = await notingServer();
    const cwd = newDirectory();
    const running = startCli(
      ['run', server.url, '--rate', '100', '--duration', '60s', '--workers', '2', '--out', 'run'],
      { cwd },
    );
    await running.stderrHas('in flight');
    running.process.kill('SIGINT');
    const { code } = await running.end;
    server.close();
    const { summary, samples } = readRun(join(cwd, 'run'));
    expect(code).toBe(130);
    expect(samples.length).toBe(6000);
    expect(summary.counts.planned).toBe(6000);
    expect(summary.counts.not_sent).toBeGreaterThan(1000);
    expect(summary.counts.ok).toBeGreaterThan(10);
  });
});

it.each([
  ['0', 'must be a whole number from 1 to 64, or auto'],
  ['many', 'must be a whole number from 1 to 64, or auto'],
])('--workers %s is refused', async (workers, why) => {
  const { code, stderr } = await cli(['run', 'http://127.0.0.1:9', '--workers', workers]);
  expect(code).toBe(2);
  expect(stderr).toContain(`Cannot read --workers: ${why}: got "${workers}"`);
});
