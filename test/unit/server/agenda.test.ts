import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agenda } from '../../../src/server/agenda.js';
import { fakeClock, handClock } from '../../support/clock.js';

describe('an agenda', () => {
  it('acts in the order of time, and of asking where it is the same', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 60 }), (times) => {
        const clock = handClock();
        const events = agenda(clock);
        const seen: (readonly [us: number, index: number])[] = [];
        events.happens(() => {
          for (const [index, us] of times.entries()) {
            events.at(us, () => seen.push([events.nowUs(), index]));
          }
        });
        clock.set(30);
        events.happens(() => {});
        expect(seen).toEqual(times.map((us, index) => [us, index]).sort(([a = 0], [b = 0]) => a - b));
      }),
    );
  });

  it('tells each act the moment that it was due, however late it is woken, before what happens then', () => {
    const clock = handClock();
    const events = agenda(clock);
    const seen: number[] = [];
    const again = () => {
      seen.push(events.nowUs());
      if (seen.length < 4) {
        events.at(events.nowUs() + 10, again);
      }
    };
    events.happens(() => events.at(10, again));
    clock.set(35);
    events.happens(() => seen.push(-events.nowUs()));
    expect(seen).toEqual([10, 20, 30, -35]);
    clock.set(40);
    events.happens(() => {});
    expect(seen).toEqual([10, 20, 30, -35, 40]);
  });

  it('wakes itself in time, also for what is asked for later and due earlier', () => {
    const clock = fakeClock();
    const events = agenda(clock);
    const seen: (readonly [string, number])[] = [];
    const note = (name: string) => () => seen.push([name, clock.nowUs()]);
    events.happens(() => events.at(50_000, note('late')));
    clock.runUntil(10_000);
    events.happens(() => {
      events.at(20_000, note('early'));
      events.at(10_500, note('soon'));
    });
    clock.runUntil(100_000);
    expect(seen.map(([name]) => name)).toEqual(['soon', 'early', 'late']);
    // As near as looks at the sockets follow each other.
    for (const [index, due] of [10_500, 20_000, 50_000].entries()) {
      expect(seen[index]?.[1]).toBeGreaterThanOrEqual(due);
      expect(seen[index]?.[1]).toBeLessThan(due + 10);
    }
  });

  it('wakes itself for what is due after that which something else has dealt with', () => {
    const clock = fakeClock();
    const events = agenda(clock);
    const seen: number[] = [];
    events.happens(() => {
      events.at(10_000, () => seen.push(10_000));
      events.at(30_000, () => seen.push(30_000));
    });
    clock.skipTo(15_000);
    events.happens(() => {});
    expect(seen).toEqual([10_000]);
    clock.runUntil(31_000);
    expect(seen).toEqual([10_000, 30_000]);
  });

  it('lets what happens inside an act happen at that moment', () => {
    const clock = handClock();
    const events = agenda(clock);
    const seen: number[] = [];
    events.happens(() => events.at(10, () => events.happens(() => seen.push(events.nowUs()))));
    clock.set(99);
    events.happens(() => {});
    expect(seen).toEqual([10]);
  });

  it('goes on after an act that throws', () => {
    const clock = handClock();
    const events = agenda(clock);
    const seen: number[] = [];
    expect(() =>
      events.happens(() => {
        throw new Error('no luck');
      }),
    ).toThrow('no luck');
    events.happens(() => events.at(0, () => seen.push(0)));
    expect(seen).toEqual([0]);
  });

  it('forgets everything when it is closed', () => {
    const clock = fakeClock();
    const events = agenda(clock);
    const seen: number[] = [];
    events.happens(() => events.at(10_000, () => seen.push(1)));
    events.close();
    clock.runUntil(100_000);
    expect(seen).toEqual([]);
  });
});
