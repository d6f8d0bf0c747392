import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BenchError } from '../../../src/errors.js';
import { createTruthLog, type LogFile, truthLogInto } from '../../../src/server/truth-log.js';

const HEADER = 'id,recv_ns,send_ns,batch,status\n';

function row(id: unknown) {
  return { id, receivedNs: 9_007_199_254_740_993n, sentNs: 9_007_199_254_740_995n, batch: 4, status: 200 };
}

/** A file in memory whose writes finish when told to. */
function slowFile() {
  let text = '';
  const pending: (() => void)[] = [];
  const file = {
    appendFile: (more: string) =>
      new Promise<void>((resolve) => {
        pending.push(() => {
          text += more;
          resolve();
        });
      }),
    sync: async () => {},
    close: async () => {},
  };
  return {
    file: file as unknown as LogFile,
    text: () => text,
    writesUnderWay: () => pending.length,
    async finishWrite() {
      pending.shift()?.();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

function failingFile(): LogFile {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  return { appendFile: () => Promise.reject(full), sync: async () => {}, close: async () => {} } as unknown as LogFile;
}

describe('a truth log in time', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('writes rows at the latest 100 ms after they came', async () => {
    const { file, text, finishWrite } = slowFile();
    const log = truthLogInto(file, 'truth.csv');
    await vi.advanceTimersByTimeAsync(0);
    await finishWrite();
    expect(text()).toBe(HEADER);
    log.record(row('a'));
    log.record(row('b'));
    await vi.advanceTimersByTimeAsync(99);
    expect(text()).toBe(HEADER);
    await vi.advanceTimersByTimeAsync(1);
    await finishWrite();
    expect(text()).toBe(
      `${HEADER}a,9007199254740993,9007199254740995,4,200\nb,9007199254740993,9007199254740995,4,200\n`,
    );
  });

  it('never has two writes under way, so that rows stay in order', async () => {
    const { file, text, finishWrite, writesUnderWay } = slowFile();
    const log = truthLogInto(file, 'truth.csv');
    log.record(row('a'));
    await vi.advanceTimersByTimeAsync(100);
    log.record(row('b'));
    await vi.advanceTimersByTimeAsync(100);
    expect(writesUnderWay()).toBe(1);
    const closed = log.close();
    for (let writes = 0; writes < 4; writes += 1) {
      await finishWrite();
    }
    await closed;
    expect(
      text()
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',')[0]),
    ).toEqual(['a', 'b']);
  });

  it('tells of a failed write at once, and again when it is closed', async () => {
    const failures: BenchError[] = [];
    const log = truthLogInto(failingFile(), 'truth.csv', (error) => failures.push(error));
    await vi.advanceTimersByTimeAsync(0);
    log.record(row('a'));
    await vi.advanceTimersByTimeAsync(100);
    expect(failures).toHaveLength(1);
    const message = 'Cannot write --truth-log truth.csv: no space left on the device';
    expect(failures[0]).toMatchObject({ kind: 'output', message });
    await expect(log.close()).rejects.toMatchObject({ kind: 'output', exitCode: 5, message });
  });
});

describe('a truth log on disk', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'truth-log-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('is complete when close resolves', async () => {
    const path = join(directory, 'truth.csv');
    const log = await createTruthLog(path);
    const ids = Array.from({ length: 1000 }, (_, index) => String(index).padStart(10, '0'));
    for (const id of ids) {
      log.record(row(id));
    }
    await log.close();
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines[0]).toBe('id,recv_ns,send_ns,batch,status');
    expect(lines.slice(1, -1).map((line) => line.split(',')[0])).toEqual(ids);
    expect(lines.at(-1)).toBe('');
  });

  it.each([
    ['letters, digits, _ and -', 'Az_09-', 'Az_09-'],
    ['64 of them', 'x'.repeat(64), 'x'.repeat(64)],
    ['65 of them', 'x'.repeat(65), ''],
    ['a comma', 'a,b', ''],
    ['a line break', 'a\nb', ''],
    ['a line break at the end', 'a\n', ''],
    ['nothing', '', ''],
    ['no header', undefined, ''],
    ['bytes', Buffer.from('a'), ''],
  ])('writes an id of %s as it is or not at all', async (_title, id, written) => {
    const path = join(directory, 'truth.csv');
    const log = await createTruthLog(path);
    log.record(row(id));
    await log.close();
    expect(readFileSync(path, 'utf8')).toBe(`${HEADER}${written},9007199254740993,9007199254740995,4,200\n`);
  });

  it('refuses a file that exists and leaves it alone', async () => {
    const path = join(directory, 'truth.csv');
    writeFileSync(path, 'mine');
    await expect(createTruthLog(path)).rejects.toMatchObject({
      kind: 'usage',
      message: `Cannot create --truth-log ${path}: exists already`,
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('refuses a directory that does not exist', async () => {
    const path = join(directory, 'no', 'truth.csv');
    await expect(createTruthLog(path)).rejects.toThrow(`Cannot create --truth-log ${path}: no such file or directory`);
  });
});
