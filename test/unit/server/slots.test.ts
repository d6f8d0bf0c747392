import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agenda } from '../../../src/server/agenda.js';
import { type Served, type SlotsOptions, slots } from '../../../src/server/slots.js';
import { handClock } from '../../support/clock.js';

interface Seen extends Served {
  readonly name: string;
  readonly endUs: number;
}

/** Slots whose service takes 100 and 10 for each item, and what became of the requests. */
function bench(options: Partial<SlotsOptions> = {}) {
  const clock = handClock();
  const events = agenda(clock);
  const seen: Seen[] = [];
  const own = slots(events, {
    concurrency: Number.POSITIVE_INFINITY,
    queueLimit: Number.POSITIVE_INFINITY,
    maxBatch: 1,
    batchTimeoutUs: 0,
    serviceUs: (items) => 100 + 10 * items,
    endUs: (startUs, workUs) => startUs + workUs,
    ...options,
  });
  return {
    own,
    seen,
    /** A request at a moment; undefined when there was no room. */
    add(name: string, atUs: number, items = 1) {
      clock.set(atUs);
      let room = false;
      events.happens(() => {
        room = own.hasRoom();
        if (room) {
          own.add(items, (served) => seen.push({ name, endUs: events.nowUs(), ...served }));
        }
      });
      return room;
    },
    goTo(us: number) {
      clock.set(us);
      events.happens(() => {});
    },
  };
}

const ends = (seen: readonly Seen[]) => seen.map(({ name, endUs }) => `${name} ${endUs}`);

describe('slots', () => {
  it('without a limit serve everything as it comes', () => {
    const { add, goTo, seen, own } = bench();
    add('a', 0);
    add('b', 10, 5);
    add('c', 20);
    expect([own.waiting(), own.inService()]).toEqual([0, 3]);
    goTo(1_000);
    expect(ends(seen)).toEqual(['a 110', 'c 130', 'b 160']);
    expect(seen[0]).toMatchObject({ queuedUs: 0, serviceUs: 110, batchItems: 1, isFirst: true });
    expect([own.waiting(), own.inService()]).toEqual([0, 0]);
  });

  it('serve so many at a time, the others in order, without a gap', () => {
    const { add, goTo, seen, own } = bench({ concurrency: 2 });
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      add(name, index);
    }
    expect([own.waiting(), own.inService()]).toEqual([3, 2]);
    // Looked at once, long after everything: the times are those of a server that was never late.
    goTo(5_000);
    expect(ends(seen)).toEqual(['a 110', 'b 111', 'c 220', 'd 221', 'e 330']);
    expect(seen.map(({ queuedUs }) => queuedUs)).toEqual([0, 0, 108, 108, 216]);
  });

  it('refuse what finds the queue full, and nothing else', () => {
    const { add, goTo, seen } = bench({ concurrency: 1, queueLimit: 2 });
    expect(['a', 'b', 'c', 'd'].map((name) => add(name, 0))).toEqual([true, true, true, false]);
    // The first has left: one place is free again.
    expect(['e', 'f'].map((name) => add(name, 110))).toEqual([true, false]);
    goTo(1_000);
    expect(ends(seen)).toEqual(['a 110', 'b 220', 'c 330', 'e 440']);
  });

  it('without a queue serve or refuse', () => {
    const { add } = bench({ concurrency: 1, queueLimit: 0 });
    expect([add('a', 0), add('b', 109), add('c', 110)]).toEqual([true, false, true]);
  });

  it('need no wake-up at the very moment: a request that comes late in the day finds a free slot', () => {
    const { add, goTo, seen } = bench({ concurrency: 1 });
    add('a', 0);
    add('b', 500);
    goTo(1_000);
    expect(ends(seen)).toEqual(['a 110', 'b 610']);
  });
});

describe('batches', () => {
  it('wait to be full, or for the time of their first request', () => {
    const { add, goTo, seen } = bench({ concurrency: 1, maxBatch: 3, batchTimeoutUs: 50 });
    add('a', 0);
    add('b', 10);
    goTo(40);
    add('c', 45);
    goTo(400);
    // Full at 45: 100 + 3 × 10.
    expect(ends(seen)).toEqual(['a 175', 'b 175', 'c 175']);
    expect(seen.map(({ queuedUs, isFirst }) => [queuedUs, isFirst])).toEqual([
      [45, true],
      [35, false],
      [0, false],
    ]);
    add('d', 400);
    goTo(1_000);
    // Alone at 450.
    expect(seen.at(-1)).toMatchObject({ name: 'd', endUs: 560, batchItems: 1, queuedUs: 50 });
  });

  it('without a timeout take what waits when a slot is free', () => {
    const { add, goTo, seen } = bench({ concurrency: 1, maxBatch: 8 });
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      add(name, index);
    }
    goTo(1_000);
    expect(ends(seen)).toEqual(['a 110', 'b 240', 'c 240', 'd 240']);
  });

  it('fill while others are in service, for longer than the timeout', () => {
    const { add, goTo, seen } = bench({ concurrency: 1, maxBatch: 2, batchTimeoutUs: 20 });
    add('a', 0);
    add('b', 0);
    add('c', 10);
    add('d', 100);
    goTo(1_000);
    expect(ends(seen)).toEqual(['a 120', 'b 120', 'c 240', 'd 240']);
  });

  it('of more items than fit leave the rest, in order, and are not forgotten when they are small', () => {
    const { add, goTo, seen } = bench({ concurrency: 1, maxBatch: 4, batchTimeoutUs: 20 });
    add('a', 0, 3);
    add('b', 0, 3);
    goTo(1_000);
    // The second was there when the first filled: it waits for its own timeout, in service of the first by then.
    expect(ends(seen)).toEqual(['a 130', 'b 260']);
  });

  it('take a request that is larger than a batch alone', () => {
    const { add, goTo, seen } = bench({ concurrency: 1, maxBatch: 4, batchTimeoutUs: 20 });
    add('a', 0, 10);
    add('b', 0, 1);
    goTo(1_000);
    expect(seen.map(({ name, batchItems }) => `${name} ${batchItems}`)).toEqual(['a 10', 'b 1']);
  });

  it('serve each request once, none later than its batch, none before it came', () => {
    const request = fc.record({ gapUs: fc.integer({ min: 0, max: 200 }), items: fc.integer({ min: 0, max: 6 }) });
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 100 }),
        (requests, concurrency, maxBatch, batchTimeoutUs) => {
          const { add, goTo, seen, own } = bench({ concurrency, maxBatch, batchTimeoutUs });
          let atUs = 0;
          for (const [index, { gapUs, items }] of requests.entries()) {
            atUs += gapUs;
            add(String(index), atUs, items);
          }
          goTo(1e9);
          expect(seen.map(({ name }) => Number(name)).sort((a, b) => a - b)).toEqual(requests.map((_, index) => index));
          expect(seen.every(({ queuedUs }) => queuedUs >= 0)).toBe(true);
          expect([own.waiting(), own.inService()]).toEqual([0, 0]);
          for (const { batchItems, serviceUs } of seen) {
            expect(serviceUs).toBeCloseTo(100 + 10 * batchItems, 5);
            expect(batchItems <= maxBatch || requests.some(({ items }) => items === batchItems)).toBe(true);
          }
        },
      ),
    );
  });
});
