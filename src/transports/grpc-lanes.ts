import { type Call, type CallQueue, callQueue, push, shift, unlink } from './grpc-calls.js';
import { type Connection, cancel, dial, finishUnsent, hangUp, SENT_AWAY, type Shared } from './grpc-connection.js';
import { flushSoon } from './grpc-sender.js';
import type { Failure } from './outcomes.js';
import { ANY_CONNECTION, LATE } from './transport.js';

/** How many connections in a row that carried nothing a call may lose, to a server that lets nobody stay. */
const MAX_MOVES = 3;
const DEADLINE_EXCEEDED: Failure = { outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target' };

/** The connections of a transport by number, and which call goes where. */
export interface Lanes {
  /** Calls for any connection, while none has room. */
  readonly anyQueue: CallQueue;
  /** The connection of a number, begun now where there is none. */
  connectionAt(index: number): Connection;
  /** Gives a call to the connection of its number, or to the one with the fewest. */
  assign(call: Call, connection: number): void;
  /** Lets calls that wait for any connection have one, where that takes a new one. */
  assignAgain(): void;
  /** Gives a call that was not sent to the next connection. */
  move(call: Call, from: Connection, detail: string): void;
  /** Takes a connection away from new calls. */
  leave(connection: Connection): void;
  /** The same, and gives the calls that it had not sent to the next: the peer takes none, or there are no more ids. */
  retire(connection: Connection, detail: string): void;
  /** The calls that waited for a connection that is down. */
  stranded(connection: Connection, wasUp: boolean): readonly Call[];
  /** A connection can carry calls. */
  cameUp(connection: Connection): void;
  /** The deadline of a call has passed. */
  expire(call: Call): void;
}

export function createLanes(shared: Shared): Lanes {
  const { clock, options } = shared;
  const { target, maxConnections, fresh = false } = options;
  const connections: (Connection | undefined)[] = [];
  const anyQueue = callQueue();
  const lanes: Lanes = {
    anyQueue,
    connectionAt: (index) => connections[index] ?? begin(index, undefined),
    assign,
    assignAgain,
    move,
    leave,
    retire,
    stranded,
    cameUp,
    expire,
  };
  return lanes;

  function begin(index: number, opener: Call | undefined): Connection {
    if (opener) {
      // Making the socket is a part of what the call waits for.
      start(opener);
    }
    const connection = dial(shared, lanes, index, opener);
    connections[index] = connection;
    return connection;
  }

  function assign(call: Call, connection: number): void {
    if (connection !== ANY_CONNECTION) {
      const index = connection % maxConnections;
      wait(connections[index] ?? begin(index, call), call);
      return;
    }
    let best: Connection | undefined;
    let dialling = false;
    for (let index = 0; index < connections.length; index++) {
      const lane = connections[index];
      if (!lane) {
        continue;
      }
      if (lane.phase !== 'up') {
        // One that is made for another call is of no use where each has its own.
        dialling = !fresh;
      } else if (!fresh && load(lane) < lane.maxActive && (!best || load(lane) < load(best))) {
        best = lane;
      }
    }
    if (best) {
      wait(best, call);
      return;
    }
    const vacant = dialling ? maxConnections : vacantIndex();
    if (vacant < maxConnections) {
      wait(begin(vacant, call), call);
      return;
    }
    if (dialling) {
      start(call);
    }
    push(anyQueue, call);
  }

  function vacantIndex(): number {
    let index = 0;
    while (connections[index]) {
      index++;
    }
    return index;
  }

  function assignAgain(): void {
    if (anyQueue.first && (fresh || !connections.some((lane) => lane && lane.phase !== 'up'))) {
      const index = vacantIndex();
      if (index < maxConnections) {
        const call = shift(anyQueue) as Call;
        wait(begin(index, call), call);
      }
    }
  }

  function load(connection: Connection): number {
    return connection.active + connection.queue.length;
  }

  function start(call: Call): void {
    if (!call.started) {
      call.started = true;
      call.startUs = clock.nowUs();
    }
  }

  function wait(connection: Connection, call: Call): void {
    call.connection = connection;
    push(connection.queue, call);
    if (connection.phase === 'up') {
      flushSoon(connection);
    } else {
      start(call);
    }
  }

  function move(call: Call, { index, carried }: Connection, detail: string): void {
    if (shared.closed) {
      return;
    }
    call.moves = carried > 0 ? 0 : call.moves + 1;
    if (call.moves > MAX_MOVES) {
      finishUnsent(shared, call, SENT_AWAY, detail);
      return;
    }
    call.started = false;
    wait(connections[index] ?? begin(index, call), call);
  }

  function leave(connection: Connection): void {
    connection.leaving = true;
    if (connections[connection.index] === connection) {
      connections[connection.index] = undefined;
    }
  }

  function retire(connection: Connection, detail: string): void {
    if (!connection.leaving) {
      leave(connection);
      for (let call = shift(connection.queue); call; call = shift(connection.queue)) {
        move(call, connection, detail);
      }
      assignAgain();
    }
  }

  function stranded({ queue }: Connection, wasUp: boolean): readonly Call[] {
    const calls: Call[] = [];
    for (let call = shift(queue); call; call = shift(queue)) {
      calls.push(call);
    }
    if (!wasUp && !connections.some((lane) => lane)) {
      // The calls for any connection waited for this one.
      for (let call = shift(anyQueue); call; call = shift(anyQueue)) {
        calls.push(call);
      }
    }
    return calls;
  }

  function cameUp({ queue, maxActive, maxCarried }: Connection): void {
    // Calls beyond what it may carry did not only wait for the connection.
    const most = Math.min(maxActive, maxCarried);
    let rank = 0;
    for (let call = queue.first; call; call = call.next) {
      call.started = rank++ < most;
    }
    for (let call = anyQueue.first; call; call = call.next) {
      call.started &&= rank++ < most;
    }
    if (queue.length + anyQueue.length > most) {
      assignAgain();
    }
  }

  function expire(call: Call): void {
    const { connection } = call;
    if (call.id > 0 && connection) {
      connection.readUs = clock.nowUs();
      cancel(call, 'CANCEL', DEADLINE_EXCEEDED, undefined, LATE);
      return;
    }
    unlink(connection ? connection.queue : anyQueue, call);
    const phase = connection?.phase ?? connections.find((lane) => lane)?.phase;
    if (phase === 'up') {
      // It never left: its connection had no stream for it.
      call.startUs = clock.nowUs();
      finishUnsent(shared, call, DEADLINE_EXCEEDED, 'No free stream before the deadline');
      return;
    }
    if (connection?.opener === call) {
      giveUp(connection);
    }
    const outcome = phase === 'tls' && target.secure ? 'tls_timeout' : 'connect_timeout';
    finishUnsent(shared, call, { outcome, origin: 'network' }, 'No connection before the deadline');
    assignAgain();
  }

  /** Ends an attempt that has taken too long; the others that wait for it get a new one. */
  function giveUp(connection: Connection): void {
    const { queue, index } = connection;
    hangUp(connection);
    leave(connection);
    let heir: Connection | undefined;
    for (let waiting = shift(queue); waiting; waiting = shift(queue)) {
      heir ??= begin(index, waiting);
      wait(heir, waiting);
    }
  }
}
