import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/commands/index.js';
import { cli } from '../support/cli.js';

describe('the help', () => {
  it.concurrent('says which protocols a flag is for', async () => {
    const text = (await cli(['run', '--help'])).stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain('--with-health predict: GET /health before each request, an endpoint of its own in all');
    expect(text).toContain('--call NAME|pkg.Service/Method tf-serving-rest: what to ask for: predict, classify,');
    expect(text).toContain('openai-chat, openai-completions: model that writes (default babble)');
  });

  it.concurrent('keeps command lines and tables of the notes as they are', async () => {
    const { stdout } = await cli(['percentile', '--help']);
    expect(stdout).toContain('\n  cat raw_requests.csv | infer-bench percentile --p 0.95\nSeconds without a sample');
  });

  it.concurrent.each(['', ...Object.keys(COMMANDS)])(
    'of %j fits 80 columns and shows examples that can be pasted',
    async (name) => {
      const { code, stdout, stderr } = await cli([...(name === '' ? [] : [name]), '--help']);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
      expect(stdout).toContain('Exit codes');
      const examples = stdout.split('Examples:')[1]?.split('\n\n')[0]?.replaceAll(' \\\n', '').split('\n') ?? [];
      for (const line of examples.filter((one) => one !== '' && !one.startsWith('  #'))) {
        expect(line).toMatch(/^ {2}infer-bench /);
      }
    },
  );
});
