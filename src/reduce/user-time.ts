import type { Window } from './summary.js';

/** Folds the changes in the number of users, in order of time, into their time-weighted mean over the measured window. */
export function userTime(measured: () => Window) {
  const changes: { readonly atUs: number; readonly users: number }[] = [];
  return {
    change(atUs: number, users: number): void {
      changes.push({ atUs, users });
    },
    /** 0 for a window of no length. */
    mean(): number {
      const { fromUs, toUs } = measured();
      const userUs = changes.reduce((sum, { atUs, users }, index) => {
        const untilUs = changes[index + 1]?.atUs ?? toUs;
        return sum + users * Math.max(0, Math.min(untilUs, toUs) - Math.max(atUs, fromUs));
      }, 0);
      return toUs > fromUs ? userUs / (toUs - fromUs) : 0;
    },
  };
}
