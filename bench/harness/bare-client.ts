/** The process of `bare.ts`: closed load through the engine's or the transport's public functions; prints how many requests. */
import { systemClock } from '../../src/clock.js';
import { runClosedLoop } from '../../src/engine/closed-loop.js';
import { OK_CODE } from '../../src/samples/outcomes.js';
import { sampleBlock } from '../../src/samples/sample.js';
import type { ClosedSchedule } from '../../src/schedule/users.js';
import { loopTools, threadPlans } from '../../src/spec/thread-plan.js';
import { reach } from '../../src/transports/reach.js';
import type { Completion, Slip } from '../../src/transports/transport.js';
import type { BareMode } from './bare.js';
import { rigFor } from './flags.js';

const [mode, ...args] = process.argv.slice(2) as [BareMode, ...string[]];
const { spec, rig } = await rigFor(args);
const schedule = rig.schedule as ClosedSchedule;
const target = await reach(spec.endpoint as NonNullable<typeof spec.endpoint>);
const clock = systemClock();
const [plan] = threadPlans({ spec, rig, target, pacing: undefined });
if (!plan) {
  throw new Error('No plan');
}
const { loop: loopPlan, connections } = plan;
const tools = await loopTools(plan, clock, rig.protocol);
const { transport, request } = tools;
await transport.open(connections.atStart);
clock.startIn(0);

const requests = await (mode === 'lane' ? lane() : loop());
await transport.close();
console.log(requests);

/** Sends from the answer to the request before, as many at a time as there are users. */
function lane(): Promise<number> {
  const users = schedule.steps[0]?.users ?? 0;
  const endUs = schedule.durationUs;
  let sent = 0;
  let failed = 0;
  let active = users;
  return new Promise((resolve, reject) => {
    const start = (user: number) => {
      const slip: Slip = { seq: 0, connection: user % connections.most, deadlineUs: 0 };
      const send = (nowUs: number) => {
        slip.deadlineUs = nowUs + loopPlan.timeoutUs;
        transport.send(request(sent++), slip, done);
      };
      const done = ({ outcome, endUs: nowUs }: Completion) => {
        failed += outcome === 'ok' ? 0 : 1;
        if (nowUs < endUs) {
          send(nowUs);
        } else if (--active === 0) {
          failed === 0 ? resolve(sent) : reject(new Error(`${failed} of ${sent} requests failed`));
        }
      };
      send(clock.nowUs());
    };
    for (let user = 0; user < users; user++) {
      start(user);
    }
  });
}

/** The engine's own loop; what it would record is counted and thrown away. */
async function loop(): Promise<number> {
  const block = sampleBlock(4096);
  let failed = 0;
  const end = await runClosedLoop({
    ...loopPlan,
    ...tools,
    schedule,
    connections: loopPlan.sharedConnections,
    stop: new AbortController().signal,
    room() {
      if (block.length === block.capacity) {
        failed += block.outcome.reduce((sum, code) => sum + Number(code !== OK_CODE), 0);
        block.length = 0;
      }
      return block;
    },
    users: () => {},
  });
  failed += block.outcome.subarray(0, block.length).reduce((sum, code) => sum + Number(code !== OK_CODE), 0);
  if (failed > 0) {
    throw new Error(`${failed} of ${end.planned} requests failed`);
  }
  return end.planned;
}
