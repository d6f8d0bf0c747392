import { describe, expect, it } from 'vitest';
import { limitProblems, type SystemLimits, systemLimits, type Wanted, withinLimits } from '../../../src/spec/limits.js';
import { readRunSpec } from '../../../src/spec/run-spec.js';

const LIMITS: SystemLimits = { openFiles: 1024, ports: 28_232, memoryBytes: 8e9 };
const WANTED: Wanted = { connections: 960, connectionsFlag: '--users', arrivals: 0 };

describe('the limits of the machine', () => {
  it.each<[string, Partial<Wanted>, Partial<SystemLimits>, readonly [message: string, hint: string][]]>([
    ['a run that just fits', {}, {}, []],
    [
      'one connection too many for the descriptors',
      { connections: 961 },
      {},
      [
        [
          'Cannot open 961 connections (--users): this process may have 1,024 open files, 64 of them reserved',
          'raise it with ulimit -n 1025, or lower --users',
        ],
      ],
    ],
    ['descriptors that the system does not tell', { connections: 20_000 }, { openFiles: Number.POSITIVE_INFINITY }, []],
    [
      'more connections than ports',
      { connections: 28_233, connectionsFlag: '--connections' },
      { openFiles: 1e6 },
      [
        [
          'Cannot open 28,233 connections (--connections): this machine has 28,232 ports for connections to one address',
          'widen net.ipv4.ip_local_port_range, or lower --connections',
        ],
      ],
    ],
    [
      'ports that the system does not tell',
      { connections: 60_000 },
      { openFiles: 1e6, ports: Number.POSITIVE_INFINITY },
      [],
    ],
    ['a new connection for each of 470 requests a second', { freshPerS: 470, freshFlag: '--rate' }, {}, []],
    [
      'a new connection for each of 471 requests a second',
      { freshPerS: 471, freshFlag: '--rate' },
      {},
      [
        [
          'Cannot open 471 connections a second (--rate): each keeps its port for 60 s after its end, and this machine ' +
            'has 28,232 for one address',
          'lower --rate to 470, or keep connections alive',
        ],
      ],
    ],
    ['the most requests that a quarter of the memory plans', { arrivals: 250e6 }, {}, []],
    [
      'a month at ten million a second',
      { arrivals: 26_784e9 },
      {},
      [
        [
          'Cannot plan about 26,784,000,000,000 requests: their due times take 214 TB of memory, and this machine has ' +
            'room for 250,000,000',
          'lower the rate, or make it several runs',
        ],
      ],
    ],
  ])('%s', (_case, wanted, limits, problems) => {
    const found = limitProblems({ ...WANTED, ...wanted }, { ...LIMITS, ...limits });
    expect(found.map(({ message, hint }) => [message, hint])).toEqual(problems);
  });

  it('are read from the system', () => {
    const { openFiles, ports, memoryBytes } = systemLimits();
    expect(openFiles ?? 1024).toBeGreaterThan(64);
    expect(ports ?? 1024).toBeGreaterThan(0);
    expect(memoryBytes).toBeGreaterThan(1e8);
  });
});

describe('a run within the limits', () => {
  const specOf = (...words: readonly string[]) =>
    readRunSpec({
      operands: ['http://127.0.0.1:9'],
      given: new Map(
        words.map((word) => {
          const [name, value] = word.split('=') as [string, string];
          return [name, [value]];
        }),
      ),
      problems: [],
      cwd: '/',
    });
  const capOf = (limits: Partial<SystemLimits>, ...words: readonly string[]) =>
    withinLimits(specOf(...words), { ...LIMITS, ...limits }).settings['max-in-flight'];

  it('has at most as many requests in flight as connections are possible, unless told otherwise', () => {
    expect(capOf({}, 'rate=10')).toBe(960);
    expect(capOf({ openFiles: 1e6 }, 'rate=10')).toBe(10_000);
    expect(capOf({ openFiles: Number.POSITIVE_INFINITY, ports: 5_000 }, 'rate=10')).toBe(5_000);
    expect(capOf({}, 'rate=10', 'max-in-flight=500')).toBe(500);
  });

  it.each([
    ['--max-in-flight', ['rate=10', 'max-in-flight=20000']],
    ['--connections', ['rate=10', 'connections=2000']],
    ['--users', ['users=2000']],
    ['--peak-two', ['peak-two=2000']],
    ['--peak-one', ['peak-one=2000']],
    ['--step-users', ['step-users=1000', 'duration=61s']],
    ['--stage', ['stage=1s:3000,2s:3000']],
  ])('names the flag that asks for too much: %s', (flag, words) => {
    expect(() => capOf({}, ...words)).toThrowError(
      new RegExp(`connections \\(${flag}\\): this process may have 1,024`),
    );
  });

  it('cannot be where no descriptor is left, and says so', () => {
    expect(() => capOf({ openFiles: 64 }, 'rate=10')).toThrowError('Cannot open 1 connections (--max-in-flight)');
  });

  it('may have more calls of gRPC in flight: they share connections', () => {
    const given = new Map([
      ['protocol', ['tf-serving-grpc']],
      ['rate', ['10']],
      ['max-in-flight', ['20000']],
    ]);
    const spec = readRunSpec({ operands: ['grpc://127.0.0.1:9'], given, problems: [], cwd: '/' });
    expect(withinLimits(spec, LIMITS).settings['max-in-flight']).toBe(20_000);
  });

  it('counts the warm-up among the planned requests', () => {
    const words = ['rate=10', 'duration=10s', 'warmup=10s'];
    const memoryBytes = 4 * 8 * 150;
    expect(() => capOf({ memoryBytes }, ...words)).toThrowError('Cannot plan about 200 requests');
    expect(capOf({ memoryBytes }, ...words.slice(0, 2))).toBe(960);
  });
});
