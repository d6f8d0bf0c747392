import type { Clock } from '../clock.js';

/**
 * What is to happen when, in exact order: each act sees the moment that it was due as now, however late the machine came
 * to it. A queue on it never drifts: what begins where another thing ended begins at that very microsecond.
 */
export interface Agenda {
  /** The moment that is being dealt with, µs of the clock. */
  nowUs(): number;
  /** Acts at a moment that is not before `nowUs()`; equal moments keep the order of asking. */
  at(atUs: number, act: () => void): void;
  /** Deals with something that happens now, after all that was due before it. */
  happens(act: () => void): void;
  /** Forgets what was to come. */
  close(): void;
}

interface Entry {
  readonly atUs: number;
  readonly order: number;
  readonly act: () => void;
}

/**
 * Timers come up to a millisecond late: they are set so much earlier, and the rest is waited for between looks at the
 * sockets, which keeps a core busy for as long.
 */
const NEAR_US = 1_500;

/** An empty agenda on a clock. */
export function agenda(clock: Clock): Agenda {
  const entries: Entry[] = [];
  let count = 0;
  let nowUs = Number.NEGATIVE_INFINITY;
  let dealing = false;
  /** The earliest moment that a timer or a look waits for. */
  let awaitedUs = Number.POSITIVE_INFINITY;
  let isNear = false;
  let cancel = () => {};

  function runUntil(us: number): void {
    for (let next = entries[0]; next && next.atUs <= us; next = entries[0]) {
      removeFirst(entries);
      nowUs = Math.max(nowUs, next.atUs);
      next.act();
    }
    nowUs = Math.max(nowUs, us);
  }

  function happens(act: () => void): void {
    if (dealing) {
      act();
      return;
    }
    dealing = true;
    try {
      const us = clock.nowUs();
      runUntil(us);
      act();
      runUntil(us);
    } finally {
      dealing = false;
    }
    wait();
  }

  function wait(): void {
    const dueUs = entries[0]?.atUs ?? Number.POSITIVE_INFINITY;
    if (isNear || dueUs >= awaitedUs) {
      return;
    }
    cancel();
    awaitedUs = dueUs;
    if (dueUs - clock.nowUs() > NEAR_US) {
      cancel = clock.at(dueUs - NEAR_US, look);
    } else {
      isNear = true;
      clock.soon(look);
    }
  }

  function look(): void {
    const dueUs = entries[0]?.atUs ?? Number.POSITIVE_INFINITY;
    isNear = dueUs - clock.nowUs() <= NEAR_US;
    if (!isNear) {
      // What was awaited has happened already, together with something else.
      awaitedUs = Number.POSITIVE_INFINITY;
      wait();
    } else if (clock.comes(dueUs)) {
      isNear = false;
      awaitedUs = Number.POSITIVE_INFINITY;
      happens(() => {});
    } else {
      clock.soon(look);
    }
  }

  return {
    nowUs: () => nowUs,
    at(atUs, act) {
      add(entries, { atUs, order: count++, act });
    },
    happens,
    close() {
      entries.length = 0;
      cancel();
    },
  };
}

/*
 * The entries are a binary heap: each is before the two at twice its place.
 */

function isBefore(one: Entry, other: Entry): boolean {
  return one.atUs < other.atUs || (one.atUs === other.atUs && one.order < other.order);
}

function add(heap: Entry[], entry: Entry): void {
  let place = heap.length;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above] as Entry;
    if (!isBefore(entry, parent)) {
      break;
    }
    heap[place] = parent;
    place = above;
  }
  heap[place] = entry;
}

function removeFirst(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) {
    return;
  }
  let place = 0;
  for (;;) {
    let below = 2 * place + 1;
    const right = heap[below + 1];
    if (right && isBefore(right, heap[below] as Entry)) {
      below += 1;
    }
    const child = heap[below];
    if (!child || !isBefore(child, last)) {
      break;
    }
    heap[place] = child;
    place = below;
  }
  heap[place] = last;
}
