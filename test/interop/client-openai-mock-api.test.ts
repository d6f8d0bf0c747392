import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { expectAllWell, shortRun } from './accounts.js';
import { npmProgram } from './foreign.js';

const KEY = 'not-a-secret';
const TEXT = 'The sea is wide and salty, says the mock.';

let mock: ChildProcess;
let port: number;

beforeAll(async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  port = (probe.address() as { port: number }).port;
  await new Promise((resolve) => probe.close(resolve));
  const config = join(newDirectory(), 'mock.yaml');
  writeFileSync(
    config,
    JSON.stringify({
      apiKey: KEY,
      responses: [
        {
          id: 'any',
          messages: [
            { role: 'user', matcher: 'any' },
            { role: 'assistant', content: TEXT },
          ],
        },
      ],
    }),
  );
  mock = spawn(process.execPath, [npmProgram('openai-mock-api'), '-c', config, '-p', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  mock.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!said.includes('started')) {
    await once(mock.stdout as NonNullable<typeof mock.stdout>, 'data');
  }
});
afterAll(async () => {
  mock.kill();
  await once(mock, 'exit');
});

async function measure(words: readonly string[]) {
  const cwd = newDirectory();
  const all = ['--protocol', 'openai-chat', '--header', `Authorization: Bearer ${KEY}`, ...shortRun(), ...words];
  const end = await cli(['run', `http://127.0.0.1:${port}`, ...all], { cwd });
  const run = readRun(join(cwd, 'r'));
  expect(run.samples.length).toBeGreaterThan(3);
  return { end, run };
}

describe('our client against openai-mock-api', () => {
  it('whole answers: the tokens are those that the mock counts', async () => {
    const { end, run } = await measure([]);
    expectAllWell(end, run);
    const asked = { model: 'm', messages: [{ role: 'user', content: 'How is the sea?' }] };
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(asked) });
    const { usage } = (await answer.json()) as { usage: { completion_tokens: number } };
    expect(new Set(run.samples.map(({ tokens_out }) => Number(tokens_out)))).toEqual(
      new Set([usage.completion_tokens]),
    );
  });

  it.each(['wire', 'library'])(
    'streams over the %s lane: one chunk a word, no tokens where it counts none',
    async (lane) => {
      const { end, run } = await measure(['--stream', '--transport', lane]);
      expectAllWell(end, run);
      expect(new Set(run.samples.map(({ chunks }) => Number(chunks)))).toEqual(new Set([TEXT.split(' ').length]));
      expect(new Set(run.samples.map(({ tokens_out }) => tokens_out))).toEqual(new Set(['']));
      for (const row of run.samples) {
        const times = [row.start_us, row.first_token_us, row.last_token_us, row.end_us].map(Number);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }
    },
  );

  it('a wrong key is http_4xx, and no success', async () => {
    const { end, run } = await measure(['--header', 'Authorization: Bearer wrong']);
    expect(end.code).toBe(4);
    expect(run.summary.failures.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['http_4xx']);
  });
});
