import type { Clock } from '../clock.js';

/** A moment that something has to be done by. Its owner makes it once and uses it for one thing after another. */
export interface Deadline {
  /** Infinity while it is not set. */
  atUs: number;
  /** Called when the moment has passed and the deadline was not taken back. */
  readonly expired: () => void;
  /** The moment by which the list looks at it again: not after `atUs`. */
  dueUs: number;
  /** Neighbours in the list; both undefined while it is not in it. */
  before: Deadline | undefined;
  after: Deadline | undefined;
}

export interface Deadlines {
  /** Sets a deadline, whether it is set already or not. */
  set(deadline: Deadline, atUs: number): void;
  /** Takes a deadline back; nothing happens when it is not set. */
  clear(deadline: Deadline): void;
  /** Takes all back. */
  close(): void;
}

/** A deadline that is not set. */
export function deadline(expired: () => void): Deadline {
  return { atUs: Number.POSITIVE_INFINITY, expired, dueUs: 0, before: undefined, after: undefined };
}

/**
 * Many deadlines on one alarm, so that a request costs no timer. They are in a list by the moment of the next look. One
 * that is taken back stays there, and one that is set to a later moment stays where it is: most are set again and again
 * before they are looked at, which so costs one number each. Requests of a run have one timeout, so what does move goes
 * to the end of the list or close to it.
 */
export function createDeadlines(clock: Clock): Deadlines {
  // The two ends of a ring: what is after it is looked at first.
  const ring = deadline(() => {});
  ring.before = ring;
  ring.after = ring;
  let alarmUs = Number.POSITIVE_INFINITY;
  let cancelAlarm = () => {};

  function arm(atUs: number): void {
    if (atUs < alarmUs) {
      cancelAlarm();
      alarmUs = atUs;
      cancelAlarm = clock.at(atUs, look);
    }
  }

  function look(): void {
    alarmUs = Number.POSITIVE_INFINITY;
    const nowUs = clock.nowUs();
    try {
      for (let first = ring.after as Deadline; first !== ring && first.dueUs <= nowUs; first = ring.after as Deadline) {
        const { atUs } = first;
        unlink(first);
        if (atUs <= nowUs) {
          first.atUs = Number.POSITIVE_INFINITY;
          first.expired();
        } else if (atUs < Number.POSITIVE_INFINITY) {
          insert(first);
        }
      }
    } finally {
      const next = ring.after as Deadline;
      if (next !== ring) {
        arm(next.dueUs);
      }
    }
  }

  function insert(added: Deadline): void {
    added.dueUs = added.atUs;
    let before = ring.before as Deadline;
    while (before !== ring && before.dueUs > added.dueUs) {
      before = before.before as Deadline;
    }
    const after = before.after as Deadline;
    added.before = before;
    added.after = after;
    before.after = added;
    after.before = added;
  }

  return {
    set(changed, atUs) {
      changed.atUs = atUs;
      if (changed.after !== undefined) {
        if (atUs >= changed.dueUs) {
          return;
        }
        unlink(changed);
      }
      insert(changed);
      arm(atUs);
    },
    clear(changed) {
      changed.atUs = Number.POSITIVE_INFINITY;
    },
    close() {
      cancelAlarm();
      alarmUs = Number.POSITIVE_INFINITY;
      while (ring.after !== ring) {
        unlink(ring.after as Deadline);
      }
    },
  };
}

function unlink(removed: Deadline): void {
  const before = removed.before as Deadline;
  const after = removed.after as Deadline;
  before.after = after;
  after.before = before;
  removed.before = undefined;
  removed.after = undefined;
}
