import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { monotonicNs, sleepUntil, systemClock } from '../../src/clock.js';
import { BenchError, EXIT, type ExitCode, fileProblem, usageError, worstExit } from '../../src/errors.js';
import { choice, duration, type Flag, nearest, onOff, readFlags, text, whole } from '../../src/flags.js';
import { random, shuffledIndexes } from '../../src/random.js';
import { maskUrl, safeText } from '../../src/text.js';
import { formatBytes, formatDuration, formatMs, groupDigits, parseDurationUs } from '../../src/units.js';
import { VERSION } from '../../src/version.js';
import { fakeClock } from '../support/clock.js';

describe('durations', () => {
  it.each([
    ['300ms', 300_000],
    ['10s', 10_000_000],
    ['5m', 300_000_000],
    ['1h30m', 5_400_000_000],
    ['1.5s', 1_500_000],
    ['250us', 250],
    ['0', 0],
    ['0s', 0],
  ])('%s is %d us', (text, us) => {
    expect(parseDurationUs(text)).toBe(us);
  });

  it.each(['', '10', '-1s', '1 s', 's', '1x', '1s2', 'abc', '1e3s', 'NaNs'])('"%s" is none', (text) => {
    expect(parseDurationUs(text)).toBeUndefined();
  });

  it('are written so that they can be read again', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e11 }), (us) => {
        const read = parseDurationUs(formatDuration(us)) as number;
        expect(Math.abs(read - us)).toBeLessThanOrEqual(us < 1e6 ? 0 : 1000);
      }),
    );
  });
});

it.each([
  [null, '-'],
  [undefined, '-'],
  [0.0421, '0.042'],
  [9.9994, '9.999'],
  [12.345, '12.35'],
  [123.45, '123.5'],
  [12_345.6, '12,346'],
])('%s ms is shown as %s', (ms, shown) => {
  expect(formatMs(ms)).toBe(shown);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 kB'],
  [250_000_000, '250 MB'],
])('%d bytes are shown as %s', (bytes, shown) => {
  expect(formatBytes(bytes)).toBe(shown);
});

it('digits are grouped by three', () => {
  expect([0, 999, 1000, 1234567].map(groupDigits)).toEqual(['0', '999', '1,000', '1,234,567']);
});

describe('exit codes', () => {
  it.each<[readonly ExitCode[], ExitCode]>([
    [[], 0],
    [[99], 99],
    [[99, 4], 4],
    [[4, 130], 130],
    [[143, 5], 5],
    [[5, 1], 1],
  ])('of %j the worst is %d', (codes, worst) => {
    expect(worstExit(codes)).toBe(worst);
  });

  it.each([
    ['usage', EXIT.usage],
    ['unreachable', EXIT.unreachable],
    ['output', EXIT.output],
    ['bug', EXIT.bug],
  ] as const)('an error of kind %s ends with %d', (kind, code) => {
    expect(new BenchError(kind, 'x').exitCode).toBe(code);
  });
});

it('several problems are one error with a line each', () => {
  expect(usageError(['a', 'b']).message).toBe('a\nb');
});

it('a file error is explained by its code', () => {
  expect(fileProblem(Object.assign(new Error('long text'), { code: 'ENOENT' }))).toBe('no such file or directory');
  expect(fileProblem(new Error('other'))).toBe('other');
});

describe('the clock of the system', () => {
  it('counts from a start that may lie ahead', () => {
    const clock = systemClock();
    clock.startIn(1_000_000);
    expect(clock.nowUs()).toBeGreaterThan(-1_000_001);
    expect(clock.nowUs()).toBeLessThan(0);
  });

  it('agrees with the other two clocks at its anchor', () => {
    const before = monotonicNs();
    const clock = systemClock();
    const after = monotonicNs();
    const zero = BigInt(clock.anchor().startedMonotonicNs);
    expect(zero >= before && zero <= after).toBe(true);
    const nowNs = Number(monotonicNs() - zero);
    expect(Math.abs(clock.nowUs() - nowNs / 1000)).toBeLessThan(50_000);
    expect(Math.abs(clock.epochMsAt(0) * 1000 - clock.anchor().startedEpochUs)).toBeLessThan(1);
    expect(Math.abs(clock.epochMsAt(clock.nowUs()) - Date.now())).toBeLessThan(1_000);
  });

  it('never calls before time', async () => {
    const clock = systemClock();
    for (let round = 0; round < 20; round++) {
      const dueUs = clock.nowUs() + 1_234;
      await sleepUntil(clock, dueUs);
      expect(clock.nowUs()).toBeGreaterThanOrEqual(dueUs);
    }
  });

  it('does not call when it was cancelled', async () => {
    const clock = systemClock();
    let calls = 0;
    clock.at(clock.nowUs() + 2_000, () => calls++)();
    await sleepUntil(clock, clock.nowUs() + 10_000);
    expect(calls).toBe(0);
  });
});

describe('sleeping', () => {
  it('ends at its time', async () => {
    const clock = fakeClock();
    let awake = false;
    const slept = sleepUntil(clock, 500).then(() => {
      awake = true;
    });
    clock.runUntil(499);
    expect(awake).toBe(false);
    clock.runUntil(500);
    await slept;
  });

  it('ends at once when it is aborted, also before it begins', async () => {
    const stopping = new AbortController();
    const slept = sleepUntil(fakeClock(), 500, stopping.signal);
    stopping.abort();
    await slept;
    await sleepUntil(fakeClock(), 500, stopping.signal);
  });
});

describe('random numbers', () => {
  it('are the same for a seed and stream, and others for another', () => {
    const draw = (seed: number, stream: 'dataset' | 'think') => {
      const source = random(seed, stream);
      return Array.from({ length: 5 }, () => source.below(1_000_000));
    };
    expect(draw(1, 'dataset')).toEqual(draw(1, 'dataset'));
    expect(draw(1, 'dataset')).not.toEqual(draw(2, 'dataset'));
    expect(draw(1, 'dataset')).not.toEqual(draw(1, 'think'));
  });

  it('lie in their range', () => {
    const source = random(3, 'think');
    for (let n = 0; n < 1000; n++) {
      const unit = source.unit();
      expect(unit >= 0 && unit < 1).toBe(true);
      expect([0, 1, 2]).toContain(source.below(3));
    }
  });

  it('shuffle to every index once', () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (size, seed) => {
        const order = [...shuffledIndexes(size, random(seed, 'dataset'))];
        expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, index) => index));
      }),
    );
  });
});

describe('text from elsewhere', () => {
  it.each([
    ['\u001b]0;owned\u0007', '\\x1b]0;owned\\x07'],
    ['a\nb\r\tc', 'a\\x0ab\\x0d\\x09c'],
    ['\u0085\u009b1m', '\\x85\\x9b1m'],
    ['\u202eabc\u2066', '\\u202eabc\\u2066'],
    ['ünïcödé 👍', 'ünïcödé 👍'],
    ['\ud800x', '\\ud800x'],
  ])('%j becomes %j', (text, safe) => {
    expect(safeText(text)).toBe(safe);
  });

  it('is cut by characters, not in the middle of one', () => {
    expect(safeText('👍'.repeat(300))).toBe(`${'👍'.repeat(200)}…`);
  });

  it('URLs lose passwords and the values of queries', () => {
    expect(maskUrl('http://me:secret@host:1/x?token=abc&b=2#c')).toBe('http://***@host:1/x?token=***&b=***#c');
    expect(maskUrl('http://host/x')).toBe('http://host/x');
    expect(maskUrl('/x?q={{text}}&key=abc&n={{n}}1')).toBe('/x?q={{text}}&key=***&n=***');
  });
});

describe('flags', () => {
  const table = {
    count: whole({ help: '', min: 2, max: 9, default: '3' }),
    wait: duration({ help: '', minUs: 1000, default: '1s' }),
    name: text({ help: '' }),
    kind: choice(['constant', 'double-wave'], { help: '', default: 'constant' }),
    on: onOff({ help: '' }),
    many: { arg: 'X', help: '', repeatable: true as const, parse: Number } satisfies Flag<number>,
  };
  const read = (given: Readonly<Record<string, readonly (string | true)[]>>) => {
    const problems: string[] = [];
    return { values: readFlags(table, new Map(Object.entries(given)), problems), problems };
  };

  it('have their defaults', () => {
    expect(read({})).toEqual({
      values: { count: 3, wait: 1_000_000, name: undefined, kind: 'constant', on: false, many: [] },
      problems: [],
    });
  });

  it('are read', () => {
    const { values } = read({
      count: ['4'],
      wait: ['2ms'],
      name: ['x'],
      kind: ['double-wave'],
      on: [true],
      many: ['1', '2'],
    });
    expect(values).toEqual({ count: 4, wait: 2000, name: 'x', kind: 'double-wave', on: true, many: [1, 2] });
  });

  it.each([
    [{ count: ['1'] }, 'Cannot read --count: must be a whole number from 2 to 9: got "1"'],
    [{ count: ['2.5'] }, 'Cannot read --count: must be a whole number from 2 to 9: got "2.5"'],
    [{ count: ['0x3'] }, 'Cannot read --count: must be a whole number from 2 to 9: got "0x3"'],
    [{ count: [true] }, 'Cannot read --count: it needs a value: N'],
    [{ count: ['3', '4'] }, 'Cannot read --count: given 2 times, wanted once'],
    [{ wait: ['10'] }, 'Cannot read --wait: must be a duration with its unit, such as 300ms, 10s or 5m: got "10"'],
    [{ wait: ['0s'] }, 'Cannot read --wait: must be at least 1ms: got "0s"'],
    [{ name: [''] }, 'Cannot read --name: must not be empty: got ""'],
    [
      { kind: ['doublewave'] },
      'Cannot read --kind: must be one of constant, double-wave (did you mean double-wave?): got "doublewave"',
    ],
    [{ on: ['maybe'] }, 'Cannot read --on: must be true or false: got "maybe"'],
  ] as const)('%j is refused: %s', (given, problem) => {
    expect(read(given).problems).toEqual([problem]);
  });

  it('report all problems at once', () => {
    expect(read({ count: ['x'], wait: ['x'], kind: ['x'] }).problems.length).toBe(3);
  });

  it.each([
    ['peak-tow', 'peak-two'],
    ['durations', 'duration'],
    ['zzzzz', undefined],
    ['x', undefined],
  ])('%s is near to %s', (word, near) => {
    expect(nearest(word, ['peak-one', 'peak-two', 'duration'])).toBe(near);
  });
});

it('the version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(VERSION).toBe(version);
});
