#!/usr/bin/env node
// The same images, load and seed over every tensor protocol and encoding, each against the embedded server: what a protocol
// costs on the wire and on the client. Nothing differs between the runs but --protocol and --encoding.
//
//   node examples/compare-protocols.mjs
//   node examples/compare-protocols.mjs --batch-size 64 --pattern constant --rate 50 --duration 30s
//
// Flags given here are those of all runs, in place of the ones below.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../bin/infer-bench.js', import.meta.url));
const FLAGS = '--pattern constant --users 4 --think-time 0s --warmup 2s --duration 10s --batch-size 16 --seed 1'.split(
  ' ',
);

const WAYS = [
  ['tf-serving-rest'],
  ['tf-serving-grpc', '--encoding', 'raw'],
  ['oip-rest', '--encoding', 'json'],
  ['oip-rest', '--encoding', 'binary'],
  ['oip-grpc', '--encoding', 'typed'],
  ['oip-grpc', '--encoding', 'raw'],
];

/** The summary of one run; its files are not kept. */
async function measure(way, flags) {
  const out = mkdtempSync(join(tmpdir(), 'infer-bench-compare-'));
  const words = ['run', '--protocol', ...way, ...flags, '--json', '--quiet', '--out', join(out, 'run')];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...words], { maxBuffer: 2 ** 24 });
    return JSON.parse(stdout);
  } finally {
    rmSync(out, { recursive: true });
  }
}

function cells({ run, counts, bytes, latency, rates, verdict }) {
  const ms = (value) => (value === null ? '-' : value.toFixed(2));
  return [
    Math.round(bytes.out_bytes / counts.sent).toString(),
    ((run.payload_encode_ms / run.payloads) * 1000).toFixed(0),
    ms(latency.p50_ms),
    ms(latency.p95_ms),
    rates.ok_per_s.toFixed(1),
    verdict.status,
  ];
}

/** Of the numbers; the verdict goes to the left of what remains of 80 columns. */
const WIDTHS = [10, 11, 8, 8, 9];

function line([name, ...cells]) {
  const verdict = cells.pop();
  return `${name.padEnd(20)}${cells.map((cell, at) => cell.padStart(WIDTHS[at])).join('')}  ${verdict}\n`;
}

const flags = process.argv.length > 2 ? process.argv.slice(2) : FLAGS;
process.stdout.write(line(['', 'bytes/req', 'encode us', 'p50 ms', 'p95 ms', 'ok/s', 'verdict']));
for (const way of WAYS) {
  const [protocol, , encoding = 'json'] = way;
  process.stdout.write(line([`${protocol} ${encoding}`, ...cells(await measure(way, flags))]));
}
