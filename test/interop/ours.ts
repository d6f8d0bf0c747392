import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PROGRAM } from '../support/cli.js';

/** Our servers that run, each with the promise of its end. */
const OURS = new Map<ChildProcess, Promise<unknown>>();

/** Starts `serve` as a user does, on free ports. */
export async function startOurs(
  kind: string,
  truthLog?: string,
): Promise<{ readonly http: string; readonly grpc?: string }> {
  const words = ['serve', kind, '--port', '0', '--grpc-port', '0', '--json', '--quiet', '--stop-on-stdin-end'];
  const child = spawn(process.execPath, [PROGRAM, ...words, ...(truthLog ? ['--truth-log', truthLog] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  OURS.set(child, ended);
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    ended.then(([code]) => Promise.reject(new Error(`serve ${kind} ended with ${code}`))),
  ]);
  return JSON.parse(line);
}

/** Ends them all, their truth logs complete. */
export async function stopOurs(): Promise<void> {
  for (const [child, ended] of OURS) {
    child.stdin?.end();
    await ended;
  }
  OURS.clear();
}
