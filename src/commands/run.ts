import { systemClock, wallMs } from '../clock.js';
import { type ExitCode, usageError } from '../errors.js';
import { readFlags } from '../flags.js';
import type { Io } from '../io.js';
import { highestLevel } from '../patterns/pattern.js';
import type { Known } from '../spec/learning.js';
import { RUN_FLAG_GROUPS } from '../spec/run-flags.js';
import type { RunSpec } from '../spec/run-spec.js';
import { safeText } from '../text.js';
import { formatBytes, formatMs, groupDigits } from '../units.js';
import { THRESHOLD_GRAMMAR } from '../verdicts/threshold-language.js';
import { COMMON_FLAGS, type Command, type CommandInput } from './command.js';
import { type Stopping, stopOnSignal } from './stopping.js';

/** `infer-bench run`: sends a load pattern, records every request and reduces the records to a summary. */
export const run: Command = {
  summary: 'send a load pattern to an inference server and record every request',
  operands: '[url]',
  flags: RUN_FLAG_GROUPS,
  examples: [
    ['run', 'the double wave of users with tweets against the embedded server'],
    ['run http://127.0.0.1:8000 --pattern step --step-users 5', 'a staircase of users'],
    ['run grpc://127.0.0.1 --protocol tf-serving-grpc --batch-size 4', 'batches of images over gRPC'],
    ['run --pattern stages -s 30s:10,1m:10,30s:0 --out runs/first', 'stages as in k6, files in runs/first'],
    [
      'run grpc://127.0.0.1:8001 --protocol oip-grpc --model resnet --wait-ready 60s',
      "random inputs by the server's own metadata, once it is ready",
    ],
    [
      'run http://127.0.0.1:8000 --rate 200 --spacing poisson --warmup 5s',
      'requests at a rate, whatever the server does',
    ],
    [
      `run 'http://127.0.0.1:8000/score?id={{id}}' --protocol http --body @body.json --dataset rows.csv --expect '$.ok=true'`,
      'any HTTP server; {{id}} is filled from the column id',
    ],
    [
      `run grpc://127.0.0.1:8001 --protocol grpc --call pkg.Service/Method --body '{"name":"x"}'`,
      'any gRPC method, its definition asked of the server (reflection) or from --proto FILE',
    ],
    [
      "run --threshold 'p(95)<200' --threshold 'error_rate<0.01 over 10s for 3 windows' --abort",
      'exit 99 when latency or failures pass a limit, and stop at once',
    ],
    ['run -f spec.yaml --seed 7 --json', 'settings from a file, the summary as JSON'],
  ],
  notes: `Without a URL the embedded server is started on a free loopback port.
Latency is end - intended start and includes everything a user would wait for;
service time is end - start. In the closed model they are equal.

${THRESHOLD_GRAMMAR}`,
  act: async (io, input) => {
    const stopping = stopOnSignal(io);
    try {
      return await runOnce(io, input, stopping);
    } finally {
      stopping.release();
    }
  },
};

async function runOnce(io: Io, input: CommandInput, stopping: Stopping): Promise<ExitCode> {
  // Loaded here, so that the help does not wait for parsers, histograms and network libraries.
  const [
    { readRunSpec },
    { systemLimits, withinLimits },
    { rigOf },
    { hasToLearn, learn, questionsOf },
    { ask, waitReady },
    { reach },
    { measure },
    { calibrationPath, ceilingFor, readCalibrations },
    directories,
    { startEmbeddedServer },
    { exitCodeOf, exitCodeOfStop },
    { crossedLine },
    { reportsAtEnd, screen, writeReports },
    { endpointProblems },
    { tellGithub },
    { startLiveExport },
  ] = await Promise.all([
    import('../spec/run-spec.js'),
    import('../spec/limits.js'),
    import('../spec/rig.js'),
    import('../spec/learning.js'),
    import('../spec/ask.js'),
    import('../transports/reach.js'),
    import('./measure.js'),
    import('./calibration-file.js'),
    import('./run-directory.js'),
    import('./embedded-server.js'),
    import('./run-exit.js'),
    import('../reports/threshold-lines.js'),
    import('./reports.js'),
    import('../verdicts/threshold-plan.js'),
    import('./github.js'),
    import('./live-export.js'),
  ]);
  const spec = withinLimits(readRunSpec({ ...input, cwd: io.cwd }), systemLimits());
  const reports = reportsAtEnd(spec.settings.report);
  const output = readFlags(COMMON_FLAGS, input.given, []);
  const say = (line: string) => void (output.quiet || io.stderr.write(`${line}\n`));
  const directoryOptions = {
    path: spec.settings.out ?? defaultDirectory(spec),
    cwd: io.cwd,
    force: spec.settings.force,
  };
  directories.refuseExistingRun(directoryOptions);
  if (spec.file) {
    say(`spec: ${spec.file}`);
  }
  const clock = systemClock();
  const rigged = async (known: Known) => {
    const rig = await rigOf(spec, io.cwd, clock, known);
    const strangers = endpointProblems(spec.thresholds, rig.protocol.endpoints);
    if (strangers.length > 0) {
      throw usageError(strangers);
    }
    const { requests, bytes } = rig.pool;
    say(
      `payloads: ${groupDigits(requests.length)} distinct requests from ${rig.datasetName}, ${formatBytes(bytes)} ` +
        `altogether, encoded in ${formatMs(rig.encodeMs)} ms`,
    );
    if (known.inputs) {
      const words = known.inputs.map(({ name, datatype, shape }) => `${safeText(name)} ${datatype} [${shape}]`);
      say(`inputs: ${words.join(', ')}`);
    }
    const ceiling = ceilingFor(spec, rig.workers, readCalibrations(calibrationPath(io), say));
    if (ceiling) {
      const { ceiling_per_s: perS, calibrated_at: at } = ceiling;
      say(
        `headroom: ${(perS / highestLevel(spec.curve)).toFixed(1)} x (ceiling ${groupDigits(Math.round(perS))}/s of ` +
          `this machine, calibrated ${at.slice(0, 10)})`,
      );
    }
    return { rig, ceiling };
  };
  const questions = await questionsOf(spec);
  // What can be wrong without a server is found before one is started or connected to.
  const ready = hasToLearn(spec, questions) ? undefined : await rigged({});

  const truthLog = spec.settings['truth-log'];
  const server = spec.endpoint
    ? undefined
    : await startEmbeddedServer({
        kind: spec.protocolKind.server as string,
        via: spec.protocolKind.via,
        truthLog,
        cwd: io.cwd,
      });
  try {
    const endpoint = server?.endpoint ?? (spec.endpoint as NonNullable<RunSpec['endpoint']>);
    if (server) {
      say(`server: embedded ${spec.protocolKind.server} server on ${endpoint.url}`);
    } else if (truthLog !== undefined) {
      say(`truth log: x-request-id is sent; the log is kept by the server at ${endpoint.url}, not here`);
    }
    const limitUs = spec.settings['wait-ready'];
    const { readiness, statistics } = questions;
    const target =
      limitUs === undefined
        ? await reach(endpoint)
        : await waitReady({ spec, readiness, endpoint, clock, limitUs, stop: stopping.signal });
    if (!target) {
      return exitCodeOfStop(stopping.asked());
    }
    const load = ready ?? (await rigged(await learn({ spec, target, clock }, questions)));
    const live = await startLiveExport({ settings: spec.settings, endpoints: load.rig.protocol.endpoints, say });
    const { results, directory } = await measure({
      io,
      spec,
      ...load,
      target,
      url: endpoint.url,
      embedded: server !== undefined,
      makeDirectory() {
        const made = directories.createRunDirectory(directoryOptions);
        say(`files: ${made.shown}`);
        return made;
      },
      watchers: live.sinks,
      stop: stopping.signal,
      quiet: output.quiet,
      counters: statistics && (async () => (await ask(statistics, { spec, target, clock })).reading.value),
    }).finally(live.close);
    const files = writeReports(reports, results, directory.root);
    io.stdout.write(screen(io, results, output, files));
    const crossed = crossedLine(results.report.thresholds);
    if (output.json && crossed) {
      say(crossed);
    }
    tellGithub(io, results);
    await server?.close();
    return exitCodeOf(results.report, { stopped: stopping.asked(), requireValid: spec.settings['require-valid'] });
  } finally {
    server?.kill();
  }
}

function defaultDirectory({ settings }: RunSpec): string {
  // `2026-11-21T09-12-33Z`: sorts by time and is a name on every file system.
  const time = new Date(wallMs()).toISOString().slice(0, 19).replaceAll(':', '-');
  return `runs/${time}Z-${settings.protocol}-${settings.pattern}`;
}
