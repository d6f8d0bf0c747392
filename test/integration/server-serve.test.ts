import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serve } from '../../src/commands/serve.js';
import type { ExitCode } from '../../src/errors.js';
import type { Io, StopSignal } from '../../src/io.js';
import { SERVER_KINDS } from '../../src/server/index.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'serve-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

interface Started {
  readonly done: Promise<ExitCode>;
  readonly stdin: PassThrough;
  readonly stdout: () => string;
  readonly stderr: () => string;
  stop(signal?: StopSignal): void;
  readonly listeners: () => number;
  /** Resolves when something stands on stdout. */
  ready(): Promise<void>;
}

function start(
  operands: readonly string[],
  flags: Readonly<Record<string, string | true>>,
  more: readonly string[] = [],
): Started {
  let [stdout, stderr] = ['', ''];
  const callbacks = new Set<(signal: StopSignal) => void>();
  const stdin = new PassThrough();
  const io: Io = {
    argv: [],
    env: {},
    cwd: directory,
    stdin,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    onStop(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  };
  const given = new Map(Object.entries(flags).map(([name, value]) => [name, [value]]));
  const done = serve.act(io, { operands, given, problems: more });
  return {
    done,
    stdin,
    stdout: () => stdout,
    stderr: () => stderr,
    stop(signal = 'SIGTERM') {
      for (const callback of callbacks) {
        callback(signal);
      }
    },
    listeners: () => callbacks.size,
    ready: () => Promise.race([expect.poll(() => stdout).not.toBe(''), done.then(() => {})]) as Promise<void>,
  };
}

const ANY_PORT = { port: '0', 'grpc-port': '0' };

describe('serve', () => {
  it('prints one JSON line when it is ready, and stops on a signal with 0', async () => {
    const server = start(['tf-serving'], { ...ANY_PORT, json: true.toString() });
    await server.ready();
    expect(server.stdout()).toMatch(
      /^\{"kind":"tf-serving","http":"http:\/\/127\.0\.0\.1:\d+","grpc":"grpc:\/\/127\.0\.0\.1:\d+"\}\n$/,
    );
    const { http } = JSON.parse(server.stdout()) as { http: string };
    expect((await fetch(`${http}/v1/models/mnist`)).status).toBe(200);
    server.stop('SIGINT');
    expect(await server.done).toBe(0);
    expect(server.listeners()).toBe(0);
    await expect(fetch(http)).rejects.toThrow();
  });

  it('prints a line per endpoint', async () => {
    const server = start(['tf-serving'], ANY_PORT);
    await server.ready();
    expect(server.stdout()).toMatch(
      /^tf-serving {2}http:\/\/127\.0\.0\.1:\d+\ntf-serving {2}grpc:\/\/127\.0\.0\.1:\d+\n$/,
    );
    server.stop();
    expect(await server.done).toBe(0);
  });

  it.each(SERVER_KINDS)('says how to try %s', async (kind) => {
    const server = start([kind], ANY_PORT);
    await server.ready();
    const hint = /^try: curl '(.+)'\n$/.exec(server.stderr())?.[1] as string;
    expect((await fetch(hint)).status).toBe(200);
    server.stop();
    expect(await server.done).toBe(0);
  });

  it('serves sentiment when no kind is named', async () => {
    const server = start([], ANY_PORT);
    await server.ready();
    expect(server.stdout()).toMatch(/^sentiment {2}http:\/\/127\.0\.0\.1:\d+\n$/);
    const hint = /^try: curl '(.+)'\n$/.exec(server.stderr())?.[1] as string;
    expect(await (await fetch(hint)).json()).toHaveProperty('positive');
    server.stop();
    expect(await server.done).toBe(0);
  });

  it('is silent on stderr with --quiet', async () => {
    const server = start([], { ...ANY_PORT, quiet: 'true' });
    await server.ready();
    server.stop();
    await server.done;
    expect(server.stderr()).toBe('');
  });

  it('stops when standard input ends, if asked to', async () => {
    const server = start([], { ...ANY_PORT, 'stop-on-stdin-end': 'true' });
    await server.ready();
    server.stdin.write('ignored');
    server.stdin.end();
    expect(await server.done).toBe(0);
    expect(server.stdin.listenerCount('end')).toBe(0);
  });

  it('does not look at standard input otherwise', async () => {
    const server = start([], ANY_PORT);
    server.stdin.end();
    await server.ready();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const http = server.stdout().trim().split('  ')[1] as string;
    expect((await fetch(`${http}/?query=x`)).status).toBe(200);
    server.stop();
    await server.done;
  });

  it('writes the truth log relative to the working directory', async () => {
    const server = start([], { ...ANY_PORT, 'truth-log': 'truth.csv' });
    await server.ready();
    const http = server.stdout().trim().split('  ')[1] as string;
    await (await fetch(`${http}/?query=x`, { headers: { 'x-request-id': '0000000007' } })).text();
    server.stop();
    expect(await server.done).toBe(0);
    expect(readFileSync(join(directory, 'truth.csv'), 'utf8')).toMatch(
      /^id,recv_ns,send_ns,batch,status\n0000000007,\d+,\d+,1,200\n$/,
    );
  });

  it('lists all usage problems together', async () => {
    const flags = { port: '99999', 'grpc-port': 'x', 'truth-log': true, host: '' } as const;
    const { done } = start(['sentimnet', 'oip'], flags, ['Unknown flag --prot (did you mean --port?)']);
    await expect(done).rejects.toMatchObject({ kind: 'usage', exitCode: 2 });
    const { message } = (await done.catch((error) => error)) as Error;
    expect(message.split('\n').sort()).toEqual([
      'Cannot read --grpc-port: must be a whole number from 0 to 65535: got "x"',
      'Cannot read --host: must not be empty: got ""',
      'Cannot read --port: must be a whole number from 0 to 65535: got "99999"',
      'Cannot read --truth-log: it needs a value: FILE',
      `Cannot read the kind of server: must be one of ${SERVER_KINDS.join(', ')} (did you mean sentiment?): got "sentimnet"`,
      'Cannot serve more than one kind: got sentimnet, oip',
      'Unknown flag --prot (did you mean --port?)',
    ]);
  });

  it('says what flags cannot be, and which have no effect', async () => {
    const problemsOf = async (flags: Readonly<Record<string, string>>) => {
      const error = await start([], { ...ANY_PORT, ...flags }).done.catch((problem) => problem);
      return (error as Error).message.split('\n').sort();
    };
    expect(await problemsOf({ 'service-time': '5', 'error-rate': '1%', stall: '60s/2s', 'slow-body': '0' })).toEqual([
      'Cannot read --error-rate: must be a share from 0 to 1, such as 0.01: got "1%"',
      'Cannot read --service-time: must be a time such as 5ms, 2ms+0.5ms, exponential:5ms or lognormal:20ms,0.5: got "5"',
      'Cannot read --slow-body: must be a whole number of at least 1: got "0"',
      'Cannot read --stall: must be a stall and the longer time in which there is one of them, such as 2s/60s: got "60s/2s"',
    ]);
    expect(
      await problemsOf({
        overload: '429',
        'batch-timeout': '2ms',
        'cache-entries': '5',
        'error-rate': '0.6',
        'reset-rate': '0.6',
      }),
    ).toEqual([
      '--batch-timeout has no effect without --max-batch',
      '--cache-entries has no effect without --cache-ttl',
      '--error-rate and --reset-rate must be at most 1 together: got 1.2',
      '--overload has no effect without --queue',
    ]);
    expect(await problemsOf({ 'fixed-answer': 'true', 'service-time': '5ms', queue: '1' })).toEqual([
      '--queue has no effect with --fixed-answer, which reads no request',
      '--queue has no effect without --concurrency or --max-batch',
      '--service-time has no effect with --fixed-answer, which reads no request',
    ]);
  });

  it('serves as it is told to', async () => {
    const server = start(['predict'], { ...ANY_PORT, 'error-rate': '1', 'truth-log': 'truth.csv' });
    await server.ready();
    const http = server.stdout().trim().split('  ')[1] as string;
    expect((await fetch(`${http}/predict`, { method: 'POST', body: '{"text":["x"]}' })).status).toBe(500);
    server.stop();
    expect(await server.done).toBe(0);
  });

  it('names the flag of a port in use and lets go of the signals', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const server = start([], { port: String(port) });
    await expect(server.done).rejects.toMatchObject({
      kind: 'usage',
      message: `Cannot listen on --port ${port}: another program listens on port ${port} of 127.0.0.1 already`,
    });
    expect(server.listeners()).toBe(0);
    other.close();
  });

  it('refuses a truth log that exists', async () => {
    writeFileSync(join(directory, 'truth.csv'), '');
    await expect(start([], { ...ANY_PORT, 'truth-log': 'truth.csv' }).done).rejects.toThrow(/exists already$/);
  });
});
