import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/commands/index.js';
import { cli } from '../support/cli.js';

describe('the help', () => {
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
