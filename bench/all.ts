/**
 * Every benchmark of this directory in turn, each in a process of its own, and one table of the results.
 *
 *     npm run build && npx tsx bench/all.ts [--out DIR] [--only http,grpc] [--minutes 75] [--smoke]
 *
 * Writes DIR/results.jsonl (one figure a line, with machine and versions) and DIR/RESULTS.md; DIR is runs/bench-<date>
 * unless told otherwise. What does not fit into `--minutes` is named as not run. Exit code 1 when a must was missed or a
 * benchmark did not run. `--smoke` runs what fits into half a minute, two at a time, judges nothing and fails only when a
 * benchmark itself does: that is what CI runs. Needs what the benchmarks need: Linux, bash, taskset; peers are optional.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Facts, type Figure, headComment, markdown } from './harness/figures.js';
import { run, script } from './harness/processes.js';

/** In order of what they say about the tool. */
const BENCHES = [
  ...['http', 'grpc', 'recording', 'pacing', 'startup', 'package', 'report', 'thresholds'],
  ...['reference', 'truth', 'queues', 'lanes', 'starved', 'soak', 'deadlines', 'compare-power'],
];
/** Too long for a smoke run: ten seconds of load, and npm, which the tests install the package by. */
const NOT_IN_SMOKE = ['reference', 'package'];
/** The reducer's figures have no load and a table of their own. */
const REDUCE = fileURLToPath(new URL('reduce.ts', import.meta.url));
/** The longest that one benchmark may take. */
const LIMIT_S = 1_500;
const SMOKE_LIMIT_S = 60;

const { values: given } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    out: { type: 'string' },
    only: { type: 'string' },
    minutes: { type: 'string', default: '75' },
    smoke: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(headComment(fileURLToPath(import.meta.url)));
  process.exit();
}
const { smoke } = given;
const directory = given.out ?? join('runs', `bench-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`);
mkdirSync(directory, { recursive: true });
const results = join(directory, 'results.jsonl');
rmSync(results, { force: true });
const endMs = performance.now() + Number(given.minutes) * 60_000;
const names = given.only?.split(',') ?? BENCHES.filter((name) => !(smoke && NOT_IN_SMOKE.includes(name)));
/** Why a benchmark has no figures, by name. */
const broken: Record<string, string> = {};

async function measure(name: string): Promise<void> {
  const limitS = Math.min(smoke ? SMOKE_LIMIT_S : LIMIT_S, (endMs - performance.now()) / 1000);
  if (limitS <= 0) {
    broken[name] = 'no time left';
    return;
  }
  console.error(`${name} …`);
  const line = script(new URL(`${name}.ts`, import.meta.url), '--jsonl', results, ...(smoke ? ['--smoke'] : []));
  try {
    const { status, stderr, wallS } = await run(line, { limitS });
    // 1 with figures is a missed must, which the table tells.
    const told = existsSync(results) && readFileSync(results, 'utf8').includes(`"bench":"${name}"`);
    if (status !== 0 && !(status === 1 && told)) {
      broken[name] = `ended with ${status}: ${stderr.trim().slice(-600)}`;
    }
    console.error(`${name}: ${broken[name] ?? 'done'} in ${wallS.toFixed(0)} s`);
  } catch (error) {
    broken[name] = (error as Error).message;
    console.error(`${name}: ${broken[name]}`);
  }
}

async function worker(queue: string[]): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    await measure(name);
  }
}

const queue = [...names];
await Promise.all(Array.from({ length: smoke ? 2 : 1 }, () => worker(queue)));
let reduced = '';
if (existsSync(REDUCE) && !smoke && given.only === undefined) {
  const { stdout } = await run(script(new URL('reduce.ts', import.meta.url)), { limitS: LIMIT_S });
  reduced = `\n## Reducer\n\n\`\`\`\n${stdout.trim()}\n\`\`\`\n`;
}

type Line = Figure & { readonly facts: Facts };
const text = existsSync(results) ? readFileSync(results, 'utf8').trimEnd() : '';
const lines = text === '' ? [] : text.split('\n').map((one) => JSON.parse(one) as Line);
lines.sort((one, other) => names.indexOf(one.bench) - names.indexOf(other.bench));
const facts: Facts = Object.assign({}, ...lines.map((line) => line.facts));
const { server: _several, ...shared } = facts;
const count = (verdict: Figure['verdict']) => lines.filter((line) => line.verdict === verdict).length;
const page = `# Results

${Object.entries(shared)
  .map(([name, value]) => `- ${name}: ${value}`)
  .join('\n')}

${count('met')} musts met, ${count('missed')} missed. Ratios are taken inside interleaved rounds; [README.md](README.md) says how.
${Object.entries(broken)
  .map(([name, why]) => `\nNot run: ${name} (${why.split('\n')[0]})\n`)
  .join('')}
## Goals

${markdown(lines.filter(({ must }) => must !== null))}

## All figures

${markdown(lines.filter(({ must }) => must === null))}
${reduced}`;
writeFileSync(join(directory, 'RESULTS.md'), page);
console.log(smoke ? `${lines.length} figures of ${names.length} benchmarks in ${directory}` : page);
process.exitCode = Object.keys(broken).length > 0 || count('missed') > 0 ? 1 : 0;
