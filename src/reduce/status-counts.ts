/** How many of the requests that were sent were answered with a status: HTTP's or gRPC's code; null for those without. */
export interface StatusCount {
  readonly status: number | null;
  readonly count: number;
}

/** Counts statuses, −1 for none. */
export function statusCounts() {
  const counts = new Map<number, number>();
  // Most answers have the status of the one before: the map is asked only where it changes.
  let status = -1;
  let run = 0;
  const settle = () => {
    if (run > 0) {
      counts.set(status, (counts.get(status) ?? 0) + run);
      run = 0;
    }
  };
  return {
    add(next: number): void {
      if (next !== status) {
        settle();
        status = next;
      }
      run++;
    },
    /** In ascending order, those without a status first. */
    finish(): readonly StatusCount[] {
      settle();
      return [...counts]
        .sort(([one], [other]) => one - other)
        .map(([code, count]) => ({ status: code < 0 ? null : code, count }));
    },
  };
}
