/**
 * How fast `percentile` reduces raw requests: the scanner in WebAssembly, the one in JavaScript, and a csv-parse stream
 * that collects and sorts the latencies of each second; whole processes in interleaved rounds, ratios within a round.
 *
 *     npm run build && npx tsx bench/reduce.ts [rows] [rounds]
 *
 * Rows per second are what is compared: csv-parse gets the first million rows only. The file is made in the temporary
 * directory, the same for the same number of rows, and removed: 34 bytes a row, 3,300 rows a second, 0.5 % failures.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from '../src/random.js';

const PROGRAM = fileURLToPath(new URL('../bin/infer-bench.js', import.meta.url));
const MOST_CSV_PARSE_ROWS = 1_000_000;

/** Runs at the end of each process: CPU µs and the peak of memory in kB, which resourceUsage would inherit from us. */
const ACCOUNT = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from 'node:fs';
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    const peakKb = Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    process.stderr.write('\\n' + JSON.stringify({ cpuUs: userCPUTime + systemCPUTime, peakKb }));
  });
`)}`;

const CSV_PARSE = `
  import { createReadStream } from 'node:fs';
  import { parse } from 'csv-parse';
  const seconds = new Map();
  for await (const [, end, latency, outcome] of createReadStream(process.argv[1]).pipe(parse())) {
    if (outcome === 'ok') {
      const second = Math.floor(Number(end) / 1000);
      const latencies = seconds.get(second);
      latencies ? latencies.push(Number(latency)) : seconds.set(second, [Number(latency)]);
    }
  }
  for (const [second, latencies] of seconds) {
    latencies.sort((a, b) => a - b);
    process.stdout.write(second + ',' + latencies.length + ',' + latencies[Math.ceil(0.95 * latencies.length) - 1] + '\\n');
  }
`;

interface Usage {
  readonly rowsPerS: number;
  readonly rowsPerCpuS: number;
  readonly peakKb: number;
  readonly stdout: string;
}

function writeRows(path: string, rows: number): void {
  const source = random(1, 'arrivals');
  const file = openSync(path, 'w');
  let endMs = 1_700_000_000_000;
  let text = '';
  for (let row = 0; row < rows; row++) {
    endMs += source.unit() < 0.3 ? 1 : 0;
    const latencyMs = Math.floor(5 + 200 * source.unit() ** 4);
    text += `${endMs - latencyMs},${endMs},${latencyMs},${row % 200 === 7 ? 'http_5xx' : 'ok'}\n`;
    if (text.length > 1 << 20) {
      writeSync(file, text);
      text = '';
    }
  }
  writeSync(file, text);
  closeSync(file);
}

function run(words: readonly string[], rows: number, env: Readonly<Record<string, string>> = {}): Usage {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', ACCOUNT, ...words], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  const wallS = (performance.now() - started) / 1000;
  if (status !== 0) {
    throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
  }
  const { cpuUs, peakKb } = JSON.parse(stderr.slice(stderr.lastIndexOf('\n'))) as { cpuUs: number; peakKb: number };
  return { rowsPerS: rows / wallS, rowsPerCpuS: (rows * 1e6) / cpuUs, peakKb, stdout };
}

function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((value) => value?.toFixed(digits)).join(' / ');
}

const rows = Number(process.argv[2] ?? 10_000_000);
const rounds = Number(process.argv[3] ?? 5);
const directory = mkdtempSync(join(tmpdir(), 'infer-bench-reduce-'));
try {
  const file = join(directory, 'raw_requests.csv');
  const small = join(directory, 'small.csv');
  const smallRows = Math.min(rows, MOST_CSV_PARSE_ROWS);
  writeRows(file, rows);
  writeRows(small, smallRows);
  const runs = {
    WebAssembly: () => run([PROGRAM, 'percentile', file], rows),
    JavaScript: () => run([PROGRAM, 'percentile', file], rows, { INFER_BENCH_SCANNER: 'js' }),
    'csv-parse': () => run(['--input-type=module', '-e', CSV_PARSE, small], smallRows),
  };
  type Name = keyof typeof runs;
  const names = Object.keys(runs) as Name[];
  const usages: Record<Name, Usage[]> = { WebAssembly: [], JavaScript: [], 'csv-parse': [] };
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      usages[name].push(runs[name]());
    }
    if (usages.WebAssembly[round]?.stdout !== usages.JavaScript[round]?.stdout) {
      throw new Error('WebAssembly and JavaScript print different percentiles');
    }
  }
  console.log(`${rows} rows, csv-parse ${smallRows}; min / median / max of ${rounds} rounds`);
  for (const name of names) {
    const of = usages[name];
    const ratio = (figure: 'rowsPerS' | 'rowsPerCpuS') =>
      spread(
        of.map((usage, round) => usage[figure] / (usages['csv-parse'][round] as Usage)[figure]),
        1,
      );
    const perS = spread(
      of.map(({ rowsPerS }) => rowsPerS / 1e6),
      2,
    );
    const peakMb = Math.max(...of.map(({ peakKb }) => peakKb)) / 1024;
    console.log(
      `${name.padEnd(12)} ${perS} million rows/s; vs csv-parse ${ratio('rowsPerS')}, by CPU time ${ratio('rowsPerCpuS')}; peak ${peakMb.toFixed(0)} MB`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
