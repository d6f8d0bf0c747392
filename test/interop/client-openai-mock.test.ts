import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { expectAccounted, expectAllWell, shortRun } from './accounts.js';
import { type Manner, startOpenaiMock, TOKENS } from './servers/openai-mock.js';

/** Runs our client; what the two of them wrote, in pairs. */
async function measure(protocol: string, manner: Manner, words: readonly string[] = []) {
  const mock = await startOpenaiMock();
  const cwd = newDirectory();
  const all = ['--protocol', protocol, '--model', manner, ...shortRun(), ...words];
  const end = await cli(['run', `http://127.0.0.1:${mock.port}`, ...all], { cwd });
  // The first one asks for the model, before the run and without an id.
  const [asked, ...rows] = await mock.stop();
  expect(asked?.ids).toEqual(['undefined']);
  const run = readRun(join(cwd, 'r'));
  expect(rows.length).toBeGreaterThan(3);
  const pairs = expectAccounted(run, rows, ({ batch }) => batch);
  return { end, run, rows, pairs };
}

type Measured = Awaited<ReturnType<typeof measure>>;
const tokensOf = ({ run }: Measured) => new Set(run.samples.map(({ tokens_out }) => tokens_out));
const TOKENS_OF_USAGE = new Set([String(TOKENS.length)]);

describe.concurrent('our client against the public API of OpenAI', () => {
  it.each([
    ['openai-chat', '/v1/chat/completions'],
    ['openai-completions', '/v1/completions'],
  ])('%s: whole answers, with the tokens of their usage', async (protocol, path) => {
    const measured = await measure(protocol, 'plain');
    expectAllWell(measured.end, measured.run);
    expect(tokensOf(measured)).toEqual(TOKENS_OF_USAGE);
    expect(new Set(measured.rows.map((row) => row.path))).toEqual(new Set([path]));
  });

  it('--stream without a usage: the number of tokens is not known, and is no 0', async () => {
    const measured = await measure('openai-chat', 'silent-about-usage', ['--stream']);
    expectAllWell(measured.end, measured.run);
    expect(tokensOf(measured)).toEqual(new Set(['']));
  });

  it.each(['float', 'base64'])('embeddings of four texts as %s', async (encoding) => {
    const { end, run, rows } = await measure('openai-embeddings', 'plain', [
      '--batch-size',
      '4',
      '--encoding',
      encoding,
    ]);
    expectAllWell(end, run);
    expect(new Set(rows.map((row) => `${row.path} ${row.batch}`))).toEqual(new Set(['/v1/embeddings 4']));
  });

  describe.each(['wire', 'library'])('streams over the %s lane', (lane) => {
    const words = ['--stream', '--transport', lane];

    it.each<[string, Manner]>([
      ['openai-chat', 'pings'],
      ['openai-chat', 'crumbs'],
      ['openai-completions', 'plain'],
    ])('%s, %s: the first token is the first text, the tokens are those of the usage', async (protocol, manner) => {
      const measured = await measure(protocol, manner, words);
      expectAllWell(measured.end, measured.run);
      expect(tokensOf(measured)).toEqual(TOKENS_OF_USAGE);
      const zeroUs = Number(measured.run.plan.started_monotonic_ns) / 1000;
      for (const { sample, row } of measured.pairs) {
        const firstUs = Number(sample.first_token_us);
        expect(firstUs + 1).toBeGreaterThanOrEqual(row.first_text_ns / 1000 - zeroUs);
        expect(firstUs).toBeLessThan(Number(sample.end_us));
      }
    });

    it.each<[Manner, string]>([
      ['error-after-200', 'stream_error'],
      ['cut', 'stream_truncated'],
      ['busy', 'http_429'],
    ])('%s: every request is a %s', async (manner, outcome) => {
      const { end, run } = await measure('openai-chat', manner, words);
      expect(end.code).toBe(4);
      expect(new Set(run.samples.map((sample) => sample.outcome))).toEqual(new Set([outcome]));
    });
  });
});
