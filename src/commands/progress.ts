import type { Clock } from '../clock.js';
import { type Io, isLive } from '../io.js';
import { type Progress, progressBlock, progressLine } from '../reports/progress.js';
import { US_PER_S } from '../units.js';

const LINE_EVERY_US = 5 * US_PER_S;
const REPAINT_EVERY_US = US_PER_S / 4;

/** Shows a run on stderr until it is stopped: a repainted block on a terminal, a plain line every 5 s elsewhere. */
export async function showProgress(io: Io, clock: Clock, progress: () => Progress): Promise<() => void> {
  if (!isLive(io, io.stderr)) {
    return repeat(clock, LINE_EVERY_US, () => io.stderr.write(`${progressLine(progress())}\n`));
  }
  const { createLogUpdate } = await import('log-update');
  const paint = createLogUpdate(io.stderr as NodeJS.WriteStream);
  const stop = repeat(clock, REPAINT_EVERY_US, () => paint(progressBlock(progress(), io.stderr.columns ?? 80)));
  return () => {
    stop();
    paint.clear();
    paint.done();
  };
}

/** On a grid of the clock, so that lines do not drift. */
function repeat(clock: Clock, everyUs: number, show: () => void): () => void {
  let cancel = clock.at(everyUs, function again() {
    show();
    cancel = clock.at((Math.floor(clock.nowUs() / everyUs) + 1) * everyUs, again);
  });
  return () => cancel();
}
