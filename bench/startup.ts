/**
 * How much longer than `node -e 0` the program takes to start: `--version` and `run --help`, in pairs.
 *
 *     npm run build && npx tsx bench/startup.ts [--rounds 21] [--smoke] [--jsonl FILE]
 *
 * Needs Linux and bash.
 */
import { fileURLToPath } from 'node:url';
import { atMost, bench } from './harness/figures.js';
import { type CommandLine, run } from './harness/processes.js';

const PROGRAM = fileURLToPath(new URL('../bin/infer-bench.js', import.meta.url));
const COMMANDS = {
  '--version': { words: [PROGRAM, '--version'], mostMs: 60 },
  'run --help': { words: [PROGRAM, 'run', '--help'], mostMs: 120 },
} as const;

const own = bench('startup', { rounds: 21, seconds: 1 });

async function wallMs(...words: readonly string[]): Promise<number> {
  const line: CommandLine = [process.execPath, ...words];
  const { status, wallS, stderr } = await run(line, { limitS: 30 });
  if (status !== 0) {
    throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
  }
  return wallS * 1000;
}

for (const [name, { words, mostMs }] of Object.entries(COMMANDS)) {
  const moreMs: number[] = [];
  // The first pair warms the file cache.
  for (let round = -1; round < own.options.rounds; round++) {
    const emptyMs = await wallMs('-e', '0');
    const ms = await wallMs(...words);
    if (round >= 0) {
      moreMs.push(ms - emptyMs);
    }
  }
  own.figure(`${name}: more than node -e 0`, moreMs, { must: atMost(mostMs), unit: 'ms' });
}
own.finish();
