import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rawRequestsSink, rawUsersSink } from '../../../src/samples/raw-files.js';
import { samplesSink } from '../../../src/samples/samples-file.js';
import { type SinkUnderTest, sinkContract } from '../../contract/sink.js';

const directory = mkdtempSync(join(tmpdir(), 'infer-bench-sinks-'));
let files = 0;
const newPath = () => join(directory, `file-${files++}.csv`);

const SINKS: Readonly<Record<string, SinkUnderTest>> = {
  'raw_requests.csv': { create: rawRequestsSink, headLines: 0, linesPerSample: 1 },
  'raw_users.csv': { create: rawUsersSink, headLines: 0, linesPerSample: 0 },
  'samples.csv': { create: (path) => samplesSink(path, ['predict']), headLines: 1, linesPerSample: 1 },
};

describe.each(Object.entries(SINKS))('%s', (_name, sink) => {
  sinkContract(sink, newPath);
});

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

it.skipIf(!hasPrlimit)(
  'a file that hits a limit ends with its last whole line, and the error says so (needs prlimit)',
  () => {
    const path = newPath();
    const writer = fileURLToPath(new URL('../../../src/samples/file-writer.ts', import.meta.url));
    const script = `
    import { fileWriter } from ${JSON.stringify(writer)};
    process.on('SIGXFSZ', () => {});
    const file = fileWriter(${JSON.stringify(path)});
    try { for (let n = 0; n < 1000; n++) file.write('a line of twenty-four b\\n'.repeat(10)); } catch (error) { console.log(error.kind + '|' + error.message + '|' + error.hint); }
  `;
    const said = execFileSync(
      'prlimit',
      ['--fsize=10000', process.execPath, '--import', 'tsx', '--input-type=module', '-e', script],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../../..', import.meta.url)) },
    );
    expect(said).toMatch(
      /^output\|Cannot write .*: the file size limit is reached\|the file ends with its last whole line/,
    );
    const content = readFileSync(path, 'utf8');
    expect(content.length).toBeGreaterThan(5_000);
    expect(content.endsWith('\n')).toBe(true);
  },
);
