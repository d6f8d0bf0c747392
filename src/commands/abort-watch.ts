import type { Clock } from '../clock.js';
import { safeText } from '../text.js';
import { US_PER_S } from '../units.js';
import type { ThresholdFold } from '../verdicts/thresholds.js';

/** A look each second at the thresholds of a run that goes on. */
export interface AbortWatch {
  end(): void;
  /** What it stopped, a sentence each. */
  stops(): readonly string[];
}

export interface AbortWatchOptions {
  readonly clock: Clock;
  readonly settings: { readonly abort: boolean; readonly 'abort-after': number; readonly timeout: number };
  readonly warmupUs: number;
  readonly held: Pick<ThresholdFold, 'lost'>;
  /** Is aborted once a threshold is lost. */
  readonly lost: AbortController;
}

/** Watches a run whose thresholds stop it (`--abort`), from its given age on. */
export function abortWatch({ clock, settings, warmupUs, held, lost }: AbortWatchOptions): AbortWatch {
  const stops: string[] = [];
  let cancel = () => {};

  function look(): void {
    const nowUs = clock.nowUs();
    const found = held.lost(nowUs, settings.timeout);
    if (found) {
      const afterS = ((nowUs - warmupUs) / US_PER_S).toFixed(1);
      stops.push(
        `Stopped after ${afterS} s by --abort, ${safeText(found.expression)} is lost: ${safeText(found.message)}.`,
      );
      lost.abort();
      return;
    }
    cancel = clock.at((Math.floor(nowUs / US_PER_S) + 1) * US_PER_S, look);
  }

  if (settings.abort) {
    cancel = clock.at(warmupUs + settings['abort-after'], look);
  }
  return { end: () => cancel(), stops: () => stops };
}
