import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import type { Mode } from '../support/golden-server-modes.js';

const PROGRAM = fileURLToPath(new URL('../support/golden-server.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'infer-bench-golden-'));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Starts the server, sends requests of these ids at once over one connection, stops it; what came back and its log. */
async function serve(mode: Mode, ids: readonly string[]) {
  const log = join(directory, 'truth.csv');
  const server = spawn(process.execPath, ['--import', 'tsx', PROGRAM, JSON.stringify(mode), log], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = server;
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve));
  const port = await new Promise<number>((resolve, reject) => {
    server.stdout.once('data', (text) => resolve(Number(text)));
    server.once('exit', () => reject(new Error('The golden server ended before it listened')));
  });
  const sentNs = process.hrtime.bigint();
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(ids.map((id) => `GET /?query=x HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\n\r\n`).join(''));
    });
    socket.once('error', reject).on('data', (chunk) => {
      received += chunk;
      if (received.split('HTTP/1.1 200 OK').length > ids.length && received.endsWith('}')) {
        socket.destroy();
        resolve(received);
      }
    });
  });
  const endedNs = process.hrtime.bigint();
  server.kill('SIGTERM');
  expect(await ended).toBe(0);
  const [header, ...rows] = readFileSync(log, 'utf8').trimEnd().split('\n');
  return { text, header, rows: rows.map((row) => row.split(',')), sentNs, endedNs };
}

it('answers each request when its mode says, never before, and logs it on the monotonic clock', async () => {
  const { text, header, rows, sentNs, endedNs } = await serve({ kind: 'bimodal', ms: 5, slowMs: 40, slowEvery: 3 }, [
    'a',
    'b',
    'c',
  ]);
  expect(text).toContain('{"negative":0.5,"neutral":0.3,"positive":0.2}');
  expect(header).toBe('id,recv_ns,send_ns,batch,status');
  expect(rows.map(([id, , , batch, status]) => [id, batch, status])).toEqual([
    ['a', '1', '200'],
    ['b', '1', '200'],
    ['c', '1', '200'],
  ]);
  for (const [id, received = '', sent = ''] of rows) {
    const [receivedNs, answeredNs] = [BigInt(received), BigInt(sent)];
    expect(sentNs <= receivedNs && answeredNs <= endedNs).toBe(true);
    expect(answeredNs - receivedNs >= (id === 'c' ? 40_000_000n : 5_000_000n)).toBe(true);
  }
});
