import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../errors.js';
import type { Endpoint } from '../spec/endpoint.js';

/** The embedded server in a process of its own, so that it takes no time from the one that measures. */
export interface EmbeddedServer {
  readonly endpoint: Endpoint;
  readonly pid: number;
  /** Ends it after what is in flight is answered and its truth log written; throws BenchError('output') when that failed. */
  close(): Promise<void>;
  /** Ends it at once, if it has not ended. */
  kill(): void;
}

export interface EmbeddedServerOptions {
  readonly kind: string;
  readonly via: 'http' | 'grpc';
  readonly truthLog: string | undefined;
  /** Answer every request with the same bytes. */
  readonly fixedAnswer?: boolean;
  readonly cwd: string;
}

const PROGRAM = fileURLToPath(new URL('../../bin/infer-bench.js', import.meta.url));

/** Starts `serve` on free loopback ports; throws BenchError('usage') with its own words when it does not come up. */
export async function startEmbeddedServer({
  kind,
  via,
  truthLog,
  fixedAnswer = false,
  cwd,
}: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const words = ['serve', kind, '--port', '0', '--grpc-port', '0', '--json', '--quiet', '--stop-on-stdin-end'];
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      ...words,
      ...(fixedAnswer ? ['--fixed-answer'] : []),
      ...(truthLog === undefined ? [] : ['--truth-log', truthLog]),
    ],
    {
      cwd,
      stdio: 'pipe',
      // A group of its own: Ctrl-C reaches the run alone, which still needs the server to drain.
      detached: true,
    },
  );
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  // Writing the end of its input to a server that is gone already is no problem.
  child.stdin.on('error', () => {});
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaints += chunk;
  });
  const ready = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    ended.then(() => undefined),
  ]);
  if (ready === undefined) {
    const [, problem = '', hint] = /^(.*?)(?:\nhint: (.*))?$/s.exec(complaints.trim()) ?? [];
    const said = problem.replace(/^error: /gm, '');
    throw new BenchError('usage', said, { path: 'embedded server', ...(hint !== undefined && { hint }) });
  }
  const url = (JSON.parse(ready) as Readonly<Record<string, string>>)[via] as string;
  const { hostname, port } = new URL(url.replace(/^grpc/, 'http'));
  return {
    pid: child.pid as number,
    endpoint: { url, secure: false, host: hostname, port: Number(port), path: '' },
    async close() {
      child.stdin.end();
      const code = await ended;
      if (code !== 0) {
        throw new BenchError(
          'output',
          code === null
            ? 'Was ended from outside during the run'
            : `Ended with exit code ${code}: ${complaints.trim()}`,
          {
            path: 'embedded server',
          },
        );
      }
    },
    kill() {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
      }
    },
  };
}
