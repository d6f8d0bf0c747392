/**
 * The reference experiment of coordinated omission in real time: 100 requests per second for 10 s, 5 ms of service, one
 * stall of 2 s. The truth of an open loop is a p99 of 1,906 ms; a closed loop sees 5 ms, and has to say that it cannot
 * see more.
 *
 *     npm run build && npx tsx bench/reference.ts [--rounds 10] [--smoke] [--jsonl FILE]
 *
 * `--seconds` has no meaning here: the experiment is 10 s long. Needs Linux, bash and taskset.
 */
import { atLeast, atMost, bench } from './harness/figures.js';
import { interleave, values } from './harness/rounds.js';
import { type TruthRun, truthRun } from './harness/truth.js';

const SECONDS = 10;
const STALL = { kind: 'single stall', ms: 5, atMs: 4_000, stallMs: 2_000 } as const;
const TRUTH_P99_MS = 1_906;
const BUDGET_S = 420;

const own = bench('reference', { rounds: 10, seconds: SECONDS });
const duration = ['--duration', `${SECONDS}s`];

const rounds = await interleave(
  [
    { name: 'open', run: () => truthRun(STALL, ['--rate', '100', ...duration], SECONDS) },
    // One user who sends every 10 ms while the server answers in 5.
    {
      name: 'closed',
      run: () =>
        truthRun(STALL, ['--pattern', 'constant', '--users', '1', '--think-time', '5ms', ...duration], SECONDS),
    },
  ],
  own.options,
  { budgetS: BUDGET_S, servers: [] },
);
const noisy = rounds.noisyOf('open', 'closed');
const p99Ms = ({ summary }: TruthRun) => summary.latency.p99_ms as number;
own.figure('open: p99', values(rounds, 'open', p99Ms), { unit: 'ms', noisy });
own.figure(
  `open: p99 off ${TRUTH_P99_MS} ms`,
  values(rounds, 'open', (run) => Math.abs(p99Ms(run) - TRUTH_P99_MS)),
  { must: atMost(0.03 * TRUTH_P99_MS + 10), judged: 'worst', unit: 'ms', noisy },
);
own.figure('closed: p99', values(rounds, 'closed', p99Ms), { unit: 'ms', noisy });
own.figure(
  'closed: the output says that coordinated omission is possible',
  values(rounds, 'closed', ({ summary }) => Number(summary.notes.some((note) => /coordinated omission/i.test(note)))),
  { must: atLeast(1), judged: 'worst', noisy },
);
own.finish();
