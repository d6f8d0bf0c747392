/** infer-bench without its recording: the transport alone, or the closed loop with a place for its rows that keeps none. */
import type { Throughput } from './peers.js';
import { CLIENT_CORE, pinned, run, script } from './processes.js';

/** `lane`: the transport driven by nothing. `loop`: the engine's closed loop, answers checked as the flags say. */
export type BareMode = 'lane' | 'loop';

/** Runs it in a process of its own. `args` are an URL and flags as `infer-bench run` has them, each flag with a value. */
export async function bare(mode: BareMode, args: readonly string[], seconds: number): Promise<Throughput> {
  const line = script(new URL('bare-client.ts', import.meta.url), mode, ...args, '--duration', `${seconds}s`);
  const { status, stdout, stderr, cpuS } = await run(pinned(CLIENT_CORE, line), { limitS: seconds + 30 });
  if (status !== 0) {
    throw new Error(`${mode} ended with ${status}: ${stderr}`);
  }
  const requests = Number(stdout);
  return { requests, perS: requests / seconds, cpuS };
}
