/** The process of `bare.ts`: closed load through the engine's or the transport's public functions; prints how many requests. */
import { systemClock } from '../../src/clock.js';
import { runClosedLoop } from '../../src/engine/closed-loop.js';
import type { ClosedSchedule } from '../../src/schedule/users.js';
import { TRANSPORTS } from '../../src/transports/index.js';
import { reach } from '../../src/transports/reach.js';
import type { Completion, Slip } from '../../src/transports/transport.js';
import type { BareMode } from './bare.js';
import { rigFor } from './flags.js';

const [mode, ...args] = process.argv.slice(2) as [BareMode, ...string[]];
const { spec, rig } = await rigFor(args);
const { settings } = spec;
const schedule = rig.schedule as ClosedSchedule;
const target = await reach(spec.endpoint as NonNullable<typeof spec.endpoint>);
const clock = systemClock();
const createTransport = await TRANSPORTS[rig.protocol.via][settings.transport]();
const transport = createTransport({
  target,
  clock,
  headers: spec.headers,
  requestIds: false,
  maxConnections: rig.connections.most,
});
await transport.open(rig.connections.atStart);
clock.startIn(0);

const requests = await (mode === 'lane' ? lane() : loop());
await transport.close();
console.log(requests);

/** Sends from the answer to the request before, as many at a time as there are users. */
function lane(): Promise<number> {
  const users = schedule.steps[0]?.users ?? 0;
  const { connections = users, timeout } = settings;
  const endUs = schedule.durationUs;
  let sent = 0;
  let failed = 0;
  let active = users;
  return new Promise((resolve, reject) => {
    const start = (user: number) => {
      const slip: Slip = { seq: 0, connection: user % connections, deadlineUs: 0 };
      const send = (nowUs: number) => {
        slip.deadlineUs = nowUs + timeout;
        transport.send(rig.pool.at(sent++), slip, done);
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
  let failed = 0;
  const end = await runClosedLoop({
    clock,
    transport,
    protocol: rig.protocol,
    request: rig.pool.at,
    check: settings.check === 'shape',
    timeoutUs: settings.timeout,
    drainUs: settings.drain,
    stop: new AbortController().signal,
    record: ({ outcome }) => {
      failed += outcome === 'ok' ? 0 : 1;
    },
    users: () => {},
    schedule,
    connections: settings.connections,
  });
  if (failed > 0) {
    throw new Error(`${failed} of ${end.planned} requests failed`);
  }
  return end.planned;
}
