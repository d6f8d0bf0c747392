import { describe, expect, it } from 'vitest';
import { type Behaviour, createService, type End, PLAIN_BEHAVIOUR } from '../../../src/server/service.js';
import { fakeClock } from '../../support/clock.js';

interface Seen {
  readonly name: string;
  readonly atMs: number;
  readonly end: End<string>;
}

/** A service in virtual time, with what became of its requests; a request of 0 items is a wrong one. */
function bench(behaviour: Partial<Behaviour> = {}) {
  const clock = fakeClock();
  const service = createService(clock, { ...PLAIN_BEHAVIOUR, ...behaviour });
  const serve = service.entrance<string>();
  const seen: Seen[] = [];
  const ran: string[] = [];
  return {
    clock,
    service,
    seen,
    ran,
    ask(name: string, { items = 1, key = name } = {}) {
      const work = {
        key: () => key,
        run() {
          ran.push(name);
          return { value: `answer ${name}`, items, ok: items > 0 };
        },
      };
      // To the tenth of a millisecond: looks at the clock are some microseconds apart.
      serve(work, (end) => seen.push({ name, atMs: Math.round(clock.nowUs() / 100) / 10, end }));
    },
    runTo: (ms: number) => clock.runUntil(ms * 1_000),
  };
}

const story = (seen: readonly Seen[]) => seen.map(({ name, atMs, end }) => `${name} ${end.kind} ${atMs}`);
const SERVICE_5_MS = { kind: 'linear', baseUs: 5_000, perItemUs: 0 } as const;
const CACHE = { ttlUs: 1_000_000, maxEntries: 10 };

describe('a plain service', () => {
  it('answers before asking returns', () => {
    const { ask, seen, service } = bench();
    ask('a');
    ask('b', { items: 0 });
    expect(seen).toEqual([
      { name: 'a', atMs: 0, end: { kind: 'answer', value: 'answer a' } },
      { name: 'b', atMs: 0, end: { kind: 'answer', value: 'answer b' } },
    ]);
    expect(service.totals).toMatchObject({ success: { count: 1 }, fail: { count: 1 }, items: 1 });
  });
});

describe('a service time', () => {
  it('is what an answer waits for, also when many do', () => {
    const { ask, seen, runTo } = bench({ serviceTime: SERVICE_5_MS });
    ask('a');
    runTo(3);
    ask('b');
    runTo(100);
    expect(story(seen)).toEqual(['a answer 5', 'b answer 8']);
  });

  it('occupies a slot, is shared in a batch, and counts', () => {
    const { ask, seen, runTo, service } = bench({
      serviceTime: { kind: 'linear', baseUs: 5_000, perItemUs: 1_000 },
      concurrency: 1,
      maxBatch: 4,
    });
    ask('a');
    ask('b');
    ask('c', { items: 2 });
    expect([service.slots.waiting(), service.slots.inService()]).toEqual([2, 1]);
    runTo(100);
    expect(story(seen)).toEqual(['a answer 6', 'b answer 14', 'c answer 14']);
    const { totals } = service;
    expect(totals).toMatchObject({
      items: 4,
      success: { count: 3, us: 6_000 + 14_000 + 14_000 },
      queue: { count: 3, us: 12_000 },
      service: { count: 3, us: 6_000 + 8_000 + 8_000 },
    });
    expect([...totals.batches]).toEqual([
      [1, { count: 1, us: 6_000 }],
      [3, { count: 1, us: 8_000 }],
    ]);
  });

  it('is not for wrong requests', () => {
    const { ask, seen, runTo } = bench({ serviceTime: SERVICE_5_MS, concurrency: 1 });
    ask('a');
    ask('wrong', { items: 0 });
    runTo(100);
    expect(story(seen)).toEqual(['wrong answer 0', 'a answer 5']);
  });
});

describe('a full queue', () => {
  it('refuses at once, and does not let the model work', () => {
    const { ask, seen, ran, runTo, service } = bench({ serviceTime: SERVICE_5_MS, concurrency: 1, queueLimit: 1 });
    for (const name of ['a', 'b', 'c']) {
      ask(name);
    }
    expect(story(seen)).toEqual(['c full 0']);
    runTo(100);
    expect(story(seen)).toEqual(['c full 0', 'a answer 5', 'b answer 10']);
    expect(ran).toEqual(['a', 'b']);
    expect(service.totals).toMatchObject({ full: 1, fail: { count: 1 }, success: { count: 2 } });
  });
});

describe('the cache', () => {
  it('answers what was answered before, without model, slot or service time, until it is too old', () => {
    const { ask, seen, ran, runTo, service } = bench({ serviceTime: SERVICE_5_MS, concurrency: 1, cache: CACHE });
    ask('a', { key: '0000002aff' });
    runTo(10);
    ask('b', { key: '0000002aff' });
    ask('c', { key: '0000002bff' });
    runTo(20);
    expect(seen.map(({ name, atMs, end }) => [name, atMs, end])).toEqual([
      ['a', 5, { kind: 'answer', value: 'answer a', cache: { isHit: false, leftUs: 1_000_000, tag: 42 } }],
      ['b', 10, { kind: 'answer', value: 'answer a', cache: { isHit: true, leftUs: 995_000, tag: 42 } }],
      ['c', 15, { kind: 'answer', value: 'answer c', cache: { isHit: false, leftUs: 1_000_000, tag: 43 } }],
    ]);
    expect(ran).toEqual(['a', 'c']);
    runTo(1_005);
    ask('d', { key: '0000002aff' });
    runTo(1_100);
    expect(ran).toEqual(['a', 'c', 'd']);
    expect(service.totals).toMatchObject({ cacheHit: { count: 1 }, cacheMiss: { count: 3 }, items: 3 });
  });

  it('keeps an answer from its end: until then all that ask compute', () => {
    const { ask, ran, runTo } = bench({ serviceTime: SERVICE_5_MS, cache: CACHE });
    ask('a', { key: '01' });
    ask('b', { key: '01' });
    runTo(6);
    ask('c', { key: '01' });
    expect(ran).toEqual(['a', 'b']);
  });

  it('keeps no refusal of a wrong request', () => {
    const { ask, ran, seen } = bench({ cache: CACHE });
    ask('a', { key: '01', items: 0 });
    ask('b', { key: '01', items: 0 });
    expect(ran).toEqual(['a', 'b']);
    expect(seen.map(({ end }) => 'cache' in end)).toEqual([false, false]);
  });

  it('is another one for each entrance', () => {
    const { service, clock } = bench({ cache: CACHE });
    const values: unknown[] = [];
    for (const serve of [service.entrance<string>(), service.entrance<string>()]) {
      serve({ key: () => '01', run: () => ({ value: `${values.length}`, items: 1, ok: true }) }, (end) => {
        values.push(end.kind === 'answer' && end.cache?.isHit);
      });
    }
    clock.runUntil(1);
    expect(values).toEqual([false, false]);
  });
});

describe('faults on request', () => {
  const COUNT = 20_000;

  function kinds(seed: number) {
    const { ask, seen } = bench({ seed, errorRatio: 0.1, resetRatio: 0.05 });
    for (let index = 0; index < COUNT; index++) {
      ask(String(index));
    }
    return seen.map(({ end }) => end.kind);
  }

  it('come in their shares, the same with the same seed', () => {
    const first = kinds(1);
    const share = (kind: string) => first.filter((one) => one === kind).length / COUNT;
    // Standard errors are 0.002 and 0.0015.
    expect(Math.abs(share('error') - 0.1)).toBeLessThan(0.01);
    expect(Math.abs(share('reset') - 0.05)).toBeLessThan(0.008);
    expect(kinds(1)).toEqual(first);
    expect(kinds(2)).not.toEqual(first);
  });

  it('can be all, and do not let the model work', () => {
    const { ask, seen, ran, service } = bench({ errorRatio: 0.4, resetRatio: 0.6 });
    for (let index = 0; index < 100; index++) {
      ask(String(index));
    }
    expect(new Set(seen.map(({ end }) => end.kind))).toEqual(new Set(['error', 'reset']));
    expect(ran).toEqual([]);
    expect(service.totals.errors + service.totals.resets).toBe(100);
  });
});

describe('a stall', () => {
  it('holds up answers, service and refusals, and nothing else', () => {
    const stall = { stallUs: 20_000, everyUs: 100_000 };
    const { ask, seen, runTo } = bench({ serviceTime: SERVICE_5_MS, concurrency: 1, queueLimit: 1, stall });
    runTo(78);
    ask('a');
    runTo(85);
    ask('b');
    ask('c');
    runTo(200);
    expect(story(seen)).toEqual(['c full 100', 'a answer 103', 'b answer 108']);
  });
});

describe('closing', () => {
  it('forgets what has no answer yet', () => {
    const { ask, seen, runTo, service } = bench({ serviceTime: SERVICE_5_MS });
    ask('a');
    service.close();
    runTo(100);
    expect(seen).toEqual([]);
  });
});
