import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, usageError } from '../errors.js';
import { duration, FlagProblem, nearest, readFlags } from '../flags.js';
import { PROTOCOLS } from '../protocols/index.js';
import { RUN_FLAGS } from '../spec/run-flags.js';
import { US_PER_S } from '../units.js';
import { COMMON_FLAGS, type Command } from './command.js';
import { stopOnSignal } from './stopping.js';

/** Those with a server of ours to measure against, and with requests of their own: what users write has none. */
const MEASURED = Object.keys(PROTOCOLS).filter((name) => {
  const { server, generic } = PROTOCOLS[name] ?? {};
  return server !== undefined && !generic;
});

/** The word for all of them. */
const ALL = 'all';

const FLAGS = {
  protocol: {
    arg: 'NAME,…',
    help: 'wire contracts to measure',
    default: ALL,
    parse: parseProtocols,
  },
  transport: RUN_FLAGS.transport,
  workers: RUN_FLAGS.workers,
  duration: duration({ short: 'z', help: 'length of a step', default: '1s', minUs: US_PER_S / 10 }),
} as const;

/** `calibrate`: the ceiling and the error bars of this client on this machine. */
export const calibrate: Command = {
  summary: 'what this client on this machine can measure, and how exactly',
  operands: '',
  flags: { Calibration: FLAGS },
  examples: [
    ['calibrate', 'all protocols, in a few minutes'],
    ['calibrate --protocol sentiment --duration 5s', 'one protocol, with longer steps'],
    ['calibrate --workers 2 --json', 'two threads that send; the result as JSON'],
  ],
  notes: `The target is a server that answers every request with the same bytes, in another process.
The result is kept in infer-bench/calibration.json below $XDG_CACHE_HOME (or ~/.cache); run
with a rate then tells the headroom, for the same protocol, transport and number of workers.
Close other programs: what they take is missing in the result.`,

  async act(io, input) {
    const problems = [...input.problems];
    const { json: asJson, quiet } = readFlags(COMMON_FLAGS, input.given, problems);
    const flags = readFlags(FLAGS, input.given, problems);
    if (input.operands.length > 0) {
      problems.push(`Cannot calibrate against ${input.operands.join(' ')}: it starts a server of its own`);
    }
    if (problems.length > 0) {
      throw usageError(problems);
    }
    const [{ calibrateMachine }, { calibrationText }, { json }, files, { withLanes }, { calibratedMachine }] =
      await Promise.all([
        import('./calibration.js'),
        import('../reports/calibration.js'),
        import('../reports/json.js'),
        import('./calibration-file.js'),
        import('../spec/calibrations.js'),
        import('../spec/machine.js'),
      ]);
    const say = (line: string) => void (quiet || io.stderr.write(`${line}\n`));
    const directory = mkdtempSync(join(tmpdir(), 'infer-bench-calibrate-'));
    const stopping = stopOnSignal(io);
    try {
      const calibration = await calibrateMachine({
        io,
        directory,
        protocols: flags.protocol,
        transport: flags.transport,
        workers: String(flags.workers),
        stepUs: flags.duration,
        stop: stopping.signal,
        say,
      });
      if (!calibration) {
        return stopping.asked() === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
      }
      io.stdout.write(asJson ? json(calibration) : calibrationText(calibration));
      const { timers, pacing } = calibration;
      const lanes = calibration.lanes.flatMap(({ ceiling_per_s: perS, ...lane }) =>
        perS === null ? [] : [{ ...lane, ceiling_per_s: perS }],
      );
      if (lanes.length > 0) {
        const path = files.calibrationPath(io);
        const before = files.readCalibrations(path, say);
        files.writeCalibrations(path, withLanes(before, calibratedMachine(), lanes, { timers, pacing }));
        say(`kept in ${path}`);
      }
      return EXIT.ok;
    } finally {
      stopping.release();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

function parseProtocols(word: string): readonly string[] {
  if (word === ALL) {
    return MEASURED;
  }
  const names = [...new Set(word.split(','))];
  for (const name of names) {
    if (!MEASURED.includes(name)) {
      const near = nearest(name, MEASURED);
      throw new FlagProblem(
        `must be all, or names of ${MEASURED.join(', ')}, with commas between${near ? ` (did you mean ${near}?)` : ''}`,
      );
    }
  }
  return names;
}
