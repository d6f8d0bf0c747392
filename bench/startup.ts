/**
 * How much longer than `node -e 0` the program takes to start: paired runs in turn, medians.
 *
 *     npm run build && npx tsx bench/startup.ts [rounds]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../bin/infer-bench.js', import.meta.url));
const rounds = Number(process.argv[2] ?? 21);

const COMMANDS = {
  'node -e 0': ['-e', '0'],
  '--version': [PROGRAM, '--version'],
  'run --help': [PROGRAM, 'run', '--help'],
} as const;

type Name = keyof typeof COMMANDS;

function wallMs(words: readonly string[]): number {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [...words], { stdio: 'ignore' });
  if (status !== 0) {
    throw new Error(`${words.join(' ')} ended with ${status}`);
  }
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

const names = Object.keys(COMMANDS) as Name[];
const times: Record<Name, number[]> = { 'node -e 0': [], '--version': [], 'run --help': [] };
for (let round = -1; round < rounds; round++) {
  for (const name of names) {
    const ms = wallMs(COMMANDS[name]);
    // The first round warms the file cache.
    if (round >= 0) {
      times[name].push(ms);
    }
  }
}
for (const name of names) {
  const extra = times[name].map((ms, round) => ms - (times['node -e 0'][round] as number));
  const spread = `${Math.min(...times[name]).toFixed(0)} / ${median(times[name]).toFixed(0)} / ${Math.max(...times[name]).toFixed(0)}`;
  console.log(
    `${name.padEnd(12)} min / median / max ${spread.padEnd(18)} ms, median of pairs ${median(extra).toFixed(0)} ms more`,
  );
}
