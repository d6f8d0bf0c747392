/** Other load generators, each used where it is found on PATH and sent at the same request over as many connections. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Captured } from './client.js';
import { CLIENT_CORE, type CommandLine, type Ended, has, pinned, run, versionOf } from './processes.js';
import type { Run } from './rounds.js';

/** What a client did in a run of closed load. */
export interface Throughput extends Run {
  readonly requests: number;
  readonly perS: number;
}

export interface HttpJob {
  readonly request: Captured;
  readonly port: number;
  readonly connections: number;
  /** For scripts and bodies. */
  readonly directory: string;
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  run(job: HttpJob, seconds: number): Promise<Throughput>;
}

interface PeerKind {
  readonly program: string;
  readonly versionArgs?: readonly string[];
  /** For programs that do not tell it. */
  readonly version?: string;
  line(job: HttpJob, seconds: number): CommandLine;
  /** Requests, requests/s and failures in what it printed. */
  read(text: string): { readonly requests: number; readonly perS: number; readonly failures: number };
}

const PEERS: Readonly<Record<string, PeerKind>> = {
  wrk: {
    program: 'wrk',
    versionArgs: ['-v'],
    line: (job, seconds) => {
      const lua = Object.entries(job.request.headers).map(([name, value]) => `wrk.headers['${name}'] = '${value}'\n`);
      const body = `wrk.body = [==[${job.request.body.toString('latin1')}]==]\n`;
      const file = write(job, 'request.lua', `wrk.method = '${job.request.method}'\n${lua.join('')}${body}`);
      // wrk takes whole seconds.
      return [
        'wrk',
        '-t1',
        `-c${job.connections}`,
        `-d${Math.ceil(seconds)}s`,
        '--timeout',
        '10s',
        '-s',
        file,
        url(job),
      ];
    },
    read: (text) => ({
      requests: number(text, /(\d+) requests in/),
      perS: number(text, /Requests\/sec:\s+([\d.]+)/),
      failures: /Non-2xx|Socket errors/.test(text) ? 1 : 0,
    }),
  },
  autocannon: {
    program: 'autocannon',
    line: (job, seconds) => {
      const { method, headers, body } = job.request;
      const named = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
      const file = write(job, 'request.body', body);
      const load = ['-c', String(job.connections), '-d', String(Math.ceil(seconds))];
      return ['autocannon', ...load, '-m', method, ...named, '-i', file, '--json', url(job)];
    },
    read: (text) => {
      const result = JSON.parse(text.slice(text.indexOf('{'))) as {
        readonly requests: { readonly total: number; readonly average: number };
        readonly non2xx: number;
        readonly errors: number;
      };
      return {
        requests: result.requests.total,
        perS: result.requests.average,
        failures: result.non2xx + result.errors,
      };
    },
  },
  hey: {
    program: 'hey',
    version: 'hey, version not told',
    line: (job, seconds) => {
      const load = ['-z', `${seconds}s`, '-c', String(job.connections), '-cpus', '1'];
      const type = job.request.headers['content-type'] ?? 'application/json';
      return [
        'hey',
        ...load,
        '-m',
        job.request.method,
        '-T',
        type,
        '-D',
        write(job, 'request.body', job.request.body),
        url(job),
      ];
    },
    read: (text) => ({
      requests: number(text, /\[200\]\s+(\d+) responses/),
      perS: number(text, /Requests\/sec:\s+([\d.]+)/),
      failures: /Error distribution|\[[^2]\d\d\]\s+\d+ responses/.test(text) ? 1 : 0,
    }),
  },
  k6: {
    program: 'k6',
    versionArgs: ['version'],
    line: (job, seconds) => {
      const { method, headers, body } = job.request;
      const call = `http.request(${JSON.stringify(method)}, ${JSON.stringify(url(job))}, body, { headers })`;
      const text = `import http from 'k6/http';
const body = ${JSON.stringify(body.toString('latin1'))};
const headers = ${JSON.stringify(headers)};
export const options = { vus: ${job.connections}, duration: '${seconds}s' };
export default () => { ${call}; };
`;
      return ['k6', 'run', '--quiet', '--no-usage-report', write(job, 'load.js', text)];
    },
    read: (text) => ({
      requests: number(text, /http_reqs\.*:\s+(\d+)/),
      perS: number(text, /http_reqs\.*:\s+\d+\s+([\d.]+)\/s/),
      failures: number(text, /http_req_failed\.*:\s+([\d.]+)%/),
    }),
  },
  locust: {
    program: 'locust',
    line: (job, seconds) => {
      const { method, path, headers, body } = job.request;
      const sent = `data=BODY, headers=${JSON.stringify(headers)}, name="all"`;
      const text = `from locust import FastHttpUser, constant, task

BODY = ${JSON.stringify(body.toString('latin1'))}


class User(FastHttpUser):
    wait_time = constant(0)

    @task
    def call(self):
        self.client.request(${JSON.stringify(method)}, ${JSON.stringify(path)}, ${sent})
`;
      const users = ['-u', String(job.connections), '-r', String(job.connections), '-t', `${Math.ceil(seconds)}s`];
      const quiet = ['--headless', '--only-summary', '-L', 'ERROR'];
      return ['locust', '-f', write(job, 'locustfile.py', text), ...quiet, ...users, '-H', origin(job)];
    },
    read: (text) => {
      const [, requests, failures, perS] =
        /Aggregated\s+(\d+)\s+(\d+)\([\d.]+%\)\s*\|[^|]*\|\s*([\d.]+)/.exec(text) ?? [];
      return { requests: Number(requests), perS: Number(perS), failures: Number(failures) };
    },
  },
};

/** The peers of these names that are installed. */
export function peers(names: readonly string[]): readonly Peer[] {
  return names.flatMap((name) => {
    const kind = PEERS[name] as PeerKind;
    if (!has(kind.program, kind.versionArgs)) {
      console.error(`${name} is not on PATH: left out`);
      return [];
    }
    return [
      {
        name,
        version: kind.version ?? versionOf(kind.program, kind.versionArgs),
        run: (job, seconds) => load(kind, job, seconds),
      },
    ];
  });
}

async function load(kind: PeerKind, job: HttpJob, seconds: number): Promise<Throughput> {
  const ended: Ended = await run(pinned(CLIENT_CORE, kind.line(job, seconds)), { limitS: seconds + 30 });
  const { requests, perS, failures } = kind.read(`${ended.stdout}\n${ended.stderr}`);
  if (!(requests > 0) || !(perS > 0) || failures > 0) {
    throw new Error(`${kind.program} (${ended.status}): ${ended.stdout.slice(-2_000)}${ended.stderr.slice(-1_000)}`);
  }
  return { requests, perS, cpuS: ended.cpuS };
}

function origin({ port }: HttpJob): string {
  return `http://127.0.0.1:${port}`;
}

function url(job: HttpJob): string {
  return `${origin(job)}${job.request.path}`;
}

function write({ directory }: HttpJob, name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function number(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}
