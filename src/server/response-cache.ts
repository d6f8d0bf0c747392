/** An answer that was kept, and until when it holds. */
export interface Cached<Value> {
  readonly value: Value;
  readonly expiresUs: number;
}

/** Answers by request, each for a while; the one not asked for the longest makes room. */
export interface ResponseCache<Value> {
  /** Undefined when there is none, or none any more. */
  get(key: string, nowUs: number): Cached<Value> | undefined;
  set(key: string, value: Value, nowUs: number): void;
}

export interface CacheLimits {
  /** How long an answer holds, µs; being asked for does not make it longer. */
  readonly ttlUs: number;
  readonly maxEntries: number;
}

/** An empty cache. */
export function responseCache<Value>({ ttlUs, maxEntries }: CacheLimits): ResponseCache<Value> {
  /** In the order of use, which is that of insertion: what is used is inserted again. */
  const entries = new Map<string, Cached<Value>>();
  return {
    get(key, nowUs) {
      const found = entries.get(key);
      entries.delete(key);
      if (!found || nowUs >= found.expiresUs) {
        return undefined;
      }
      entries.set(key, found);
      return found;
    },
    set(key, value, nowUs) {
      entries.delete(key);
      entries.set(key, { value, expiresUs: nowUs + ttlUs });
      if (entries.size > maxEntries) {
        const [oldest] = entries.keys();
        entries.delete(oldest as string);
      }
    },
  };
}
