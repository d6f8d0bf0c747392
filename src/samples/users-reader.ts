import { US_PER_S } from '../units.js';
import { wholeLines } from './table.js';

/**
 * Reads the changes of a `raw_users.csv`: the number of users, from a moment in µs from the run's start on, which began
 * at the epoch µs `startedEpochUs`. A torn last line is dropped, and a file that is not there has no change.
 */
export function readUsers(path: string, startedEpochUs: number, take: (atUs: number, users: number) => void): void {
  for (const line of wholeLines(path)) {
    const [, seconds, fraction, users] = /^(\d+)\.(\d{6}),(\d+)$/.exec(line) ?? [];
    if (users !== undefined) {
      take(Number(seconds) * US_PER_S + Number(fraction) - startedEpochUs, Number(users));
    }
  }
}
