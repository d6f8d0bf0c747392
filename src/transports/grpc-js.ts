import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { isIP, type Socket } from 'node:net';
import {
  Channel,
  type ChannelCredentials,
  connectivityState,
  credentials,
  Metadata,
  status as STATUS,
  type StatusObject,
} from '@grpc/grpc-js';
import type { Clock } from '../clock.js';
import type { BodyPieces, WireRequest } from '../protocols/protocol.js';
import { US_PER_MS } from '../units.js';
import { watchConnects } from './connects.js';
import { handshakeCount } from './handshakes.js';
import { OPEN_TIMEOUT_US, type Opening, openAll } from './opening.js';
import { type Failure, grpcOutcome, type Progress, socketFailure } from './outcomes.js';
import { stallWatch } from './stall-watch.js';
import {
  ANY_CONNECTION,
  authority,
  type Completion,
  grpcTimeout,
  LATE,
  MAX_ANSWER_BYTES,
  requestId,
  type Slip,
  STALL,
  STALLED,
  type Transport,
  type TransportOptions,
} from './transport.js';

/** One call is one attempt on one connection of its own; a lost connection comes back quickly. */
const CHANNEL_OPTIONS = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 250,
  'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
  'grpc.max_send_message_length': -1,
} as const;

/** One channel with one connection, opened by its first call; replaced when a connection could not be made. */
interface Lane {
  readonly channel: Channel;
  readonly connection: Connection;
  /** Each forgets a call in flight. */
  readonly cuts: Set<() => void>;
}

/** What the library does not tell about the connection of a channel. */
interface Connection {
  /** Connections begun so far. */
  begun: number;
  /** How far the last one came: `http2` until the peer's settings were there. */
  phase: 'tcp' | 'tls' | 'http2';
  /** Its socket, once TCP was connected. */
  socket: Socket | undefined;
  /** Why its TLS handshake or what followed failed. */
  error: unknown;
  /** The same of the connection before, when that failed: the library may have begun another before it tells. */
  before: Pick<Connection, 'phase' | 'socket' | 'error'> | undefined;
  /** It has carried a call. */
  used: boolean;
  /** No more of them. */
  closed: boolean;
}

/**
 * gRPC calls over @grpc/grpc-js, unary or with a stream of messages back, one channel with one connection per lane. Messages go and come as bytes: they
 * were encoded before the run. The deadline is sent along, but kept here: the library's own goes by the wall clock.
 *
 * A status that the server sent is told from one that the library made up by the headers it was read from. What the
 * library does not let anyone tell apart: after the headers of an answer, a reset from a message above our limit
 * (code 8) or from an end without status (13); the ways in which an open connection breaks; a message that was cut
 * short from none.
 */
export function createGrpcJsTransport(options: TransportOptions): Transport {
  const { target, clock } = options;
  const name = `${isIP(target.address) === 6 ? 'ipv6' : 'ipv4'}:${authority(target.address, target.port)}`;
  const trust = target.secure
    ? credentials.createSsl(pem(options.ca), pem(options.key), pem(options.cert), {
        rejectUnauthorized: !options.insecure,
      })
    : credentials.createInsecure();
  const connects = watchConnects(target, clock);
  const lanes: (Lane | undefined)[] = [];
  /** Lanes of one call each. */
  const freshLanes = new Set<Lane>();
  const handshakes = handshakeCount();
  let opened = 1;
  let turn = 0;

  function openLane(): Lane {
    const connection: Connection = {
      begun: 0,
      phase: 'tcp',
      socket: undefined,
      error: undefined,
      before: undefined,
      used: false,
      closed: false,
    };
    const channel = new Channel(
      name,
      watched(trust, connection, (startedUs) => handshakes.add((clock.nowUs() - startedUs) / US_PER_MS), clock),
      {
        ...CHANNEL_OPTIONS,
        'grpc.default_authority': authority(target.host, target.port),
        ...(target.secure && !isIP(target.host) && { 'grpc.ssl_target_name_override': target.host }),
      },
    );
    return { channel, connection, cuts: new Set() };
  }

  /** Why no connection could be made. */
  function connectFailure(connection: Connection): Failure {
    const { phase, socket, error } = (connection.phase === 'tcp' && connection.before) || connection;
    const failure = socketFailure(phase === 'tcp' ? connects.lastError : error, UNCONNECTED);
    if (failure) {
      return failure;
    }
    if (phase === 'http2') {
      return socket?.bytesRead ? NOT_GRPC : { outcome: 'connect_reset', origin: 'network' };
    }
    return { outcome: phase === 'tls' ? 'tls_protocol' : 'grpc_UNAVAILABLE', origin: 'network' };
  }

  return {
    handshakes,
    async open(connections) {
      opened = connections;
      connects.longestUs = OPEN_TIMEOUT_US;
      await openAll({ count: connections, fresh: options.fresh, target, clock, begin: openOne });
      handshakes.clear();
    },
    send(request, slip, done) {
      if (options.fresh) {
        const lane = openLane();
        freshLanes.add(lane);
        exchange(lane, request, slip, (completion) => {
          freshLanes.delete(lane);
          closeLane(lane);
          done(completion);
        });
        return;
      }
      // Many calls share a connection; those that ask for none in particular take turns.
      const index = slip.connection === ANY_CONNECTION ? turn++ % opened : slip.connection;
      const lane = lanes[index] ?? openLane();
      lanes[index] = lane;
      exchange(lane, request, slip, (completion) => {
        if (isDown(lane.channel)) {
          // A new channel tries at once; this one would fail calls for a while after the target is back.
          if (lanes[index] === lane) {
            lanes[index] = undefined;
          }
          if (lane.cuts.size === 0) {
            closeLane(lane);
          }
        }
        done(completion);
      });
    },
    async close() {
      for (const lane of [...lanes, ...freshLanes]) {
        if (lane) {
          closeLane(lane);
        }
      }
      connects.close();
    },
  };

  function openOne(index: number, done: (problem?: unknown) => void): Opening {
    const lane = openLane();
    const { channel } = lane;
    lanes[index] = lane;
    const watch = () => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) {
        done();
      } else if (state === connectivityState.TRANSIENT_FAILURE) {
        done(connectProblem(lane));
      } else if (state !== connectivityState.SHUTDOWN) {
        channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, watch);
      }
    };
    watch();
    return {
      problem: () =>
        channel.getConnectivityState(false) === connectivityState.READY ? undefined : connectProblem(lane),
      giveUp: () => closeLane(lane),
    };
  }

  /** What the library does not say of a connection that could not be made. */
  function connectProblem({ connection }: Lane): unknown {
    const { phase, error } = (connection.phase === 'tcp' && connection.before) || connection;
    const cause = phase === 'tcp' ? connects.lastError : error;
    return cause ?? new Error(phase === 'http2' ? 'it does not speak HTTP/2' : 'the server broke it off');
  }

  function exchange(
    lane: Lane,
    request: WireRequest,
    slip: Readonly<Slip>,
    settle: (completion: Completion) => void,
  ): void {
    const { channel, connection } = lane;
    const { begun, used } = connection;
    const startUs = clock.nowUs();
    connects.longestUs = Math.max(connects.longestUs, slip.deadlineUs - startUs);
    const messages: Buffer[] = [];
    const pieces: BodyPieces | undefined = request.stream ? { endBytes: [], atUs: [] } : undefined;
    let bytesIn = 0;
    let firstByteUs: number | undefined;
    let answering = false;
    let settled = false;
    const call = channel.createCall(request.path, Number.POSITIVE_INFINITY, null, null, null);
    const cancelDeadline = clock.at(slip.deadlineUs, () => giveUp(lateFailure(), { detail: LATE }));
    const stall = stallWatch(clock, request.stream ? options.stallUs : undefined, () =>
      giveUp(STALL, { detail: STALLED }),
    );
    const cut = () => {
      settled = true;
      cancelDeadline();
      stall.cancel();
      lane.cuts.delete(cut);
    };
    lane.cuts.add(cut);

    function finish(failure: Failure | undefined, more: Partial<Completion>): void {
      if (settled) {
        return;
      }
      cut();
      const reused = used && connection.begun === begun;
      connection.used = true;
      settle({
        outcome: failure?.outcome ?? 'ok',
        startUs,
        endUs: clock.nowUs(),
        bytesIn,
        reused,
        origin: failure?.origin,
        firstByteUs,
        status: undefined,
        response: undefined,
        detail: undefined,
        ...more,
      });
    }

    function giveUp(failure: Failure, more: Partial<Completion>): void {
      finish(failure, more);
      call.cancelWithStatus(STATUS.CANCELLED, '');
    }

    function lateFailure(): Failure {
      if (!isDown(channel)) {
        return { outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target' };
      }
      const handshaking = target.secure && connection.phase === 'tls';
      return { outcome: handshaking ? 'tls_timeout' : 'connect_timeout', origin: 'network' };
    }

    /** What a status means that the library made up. */
    function madeUpFailure(code: number | undefined): Failure {
      if (code === undefined) {
        return { outcome: 'decode_error', origin: 'target' };
      }
      if (answering && code === STATUS.RESOURCE_EXHAUSTED) {
        return { outcome: 'grpc_message_too_large', origin: 'local' };
      }
      if (answering && code === STATUS.INTERNAL) {
        return NO_STATUS;
      }
      if (!answering && code === STATUS.UNAVAILABLE) {
        if (isDown(channel)) {
          return connectFailure(connection);
        }
        if (channel.getConnectivityState(false) === connectivityState.READY) {
          // Any other cause would have taken the connection along.
          return { outcome: 'h2_refused', origin: 'network' };
        }
      }
      return { outcome: grpcOutcome(code), origin: 'network' };
    }

    function finishByStatus({ code, details, metadata }: StatusObject): void {
      const received = receivedHeaders(metadata);
      const detail = details ? { detail: details } : {};
      if (!received) {
        finish(madeUpFailure(code), detail);
        return;
      }
      firstByteUs ??= clock.nowUs();
      if (!isGrpc(received)) {
        finish(NOT_GRPC, { ...httpStatus(received), ...detail });
      } else if (received['grpc-status'] === undefined) {
        finish(NO_STATUS, detail);
      } else if (code !== STATUS.OK) {
        const status = Number.isInteger(code) ? { status: code } : {};
        finish({ outcome: grpcOutcome(code), origin: 'target' }, { ...status, ...detail });
      } else if (pieces) {
        finish(undefined, {
          status: code,
          response: { status: code, headers: {}, body: Buffer.concat(messages), pieces },
        });
      } else if (messages.length !== 1) {
        finish(NOT_UNARY, { status: code, detail: 'No message in the answer' });
      } else {
        finish(undefined, { status: code, response: { status: code, headers: {}, body: messages[0] as Buffer } });
      }
    }

    function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
      const metadata = new Metadata();
      for (const [key, value] of Object.entries(headers)) {
        metadata.set(key, value);
      }
      if (options.requestIds) {
        metadata.set('x-request-id', requestId(slip.seq));
      }
      metadata.set('grpc-timeout', grpcTimeout(slip.deadlineUs - startUs));
      return metadata;
    }

    let metadata: Metadata;
    try {
      metadata = metadataOf({ ...options.headers, ...request.headers });
    } catch (error) {
      queueMicrotask(() => finish({ outcome: 'unknown', origin: 'local' }, { detail: String(error) }));
      return;
    }
    call.start(metadata, {
      onReceiveMetadata(answer) {
        firstByteUs ??= clock.nowUs();
        answering = true;
        stall.heard();
        const received = receivedHeaders(answer);
        if (received && !isGrpc(received)) {
          giveUp(NOT_GRPC, httpStatus(received));
        }
      },
      onReceiveMessage(message: Buffer) {
        messages.push(message);
        stall.heard();
        bytesIn += message.length;
        pieces?.endBytes.push(bytesIn);
        pieces?.atUs.push(clock.nowUs());
        if (bytesIn > MAX_ANSWER_BYTES) {
          giveUp({ outcome: 'grpc_message_too_large', origin: 'local' }, { detail: TOO_LARGE });
        } else if (messages.length > 1 && !pieces) {
          giveUp(NOT_UNARY, { detail: 'More than one message in the answer' });
        } else {
          call.startRead();
        }
      },
      onReceiveStatus: finishByStatus,
    });
    call.startRead();
    call.sendMessageWithContext({}, request.body ?? Buffer.alloc(0));
    call.halfClose();
  }
}

function pem(text: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text);
}

const UNCONNECTED: Progress = { connected: false, stale: false, answering: false };
const NOT_GRPC: Failure = { outcome: 'grpc_not_grpc', origin: 'target' };
const NO_STATUS: Failure = { outcome: 'grpc_no_status', origin: 'target' };
const TOO_LARGE = `The messages of the answer are larger than ${MAX_ANSWER_BYTES} bytes`;
const NOT_UNARY: Failure = { outcome: 'stream_protocol', origin: 'target' };

/** Cuts what is in flight without a word, and the connection. */
function closeLane({ channel, connection, cuts }: Lane): void {
  for (const cut of cuts) {
    cut();
  }
  connection.closed = true;
  channel.close();
  connection.socket?.destroy();
}

/** No connection is up, although a call wants one. A channel that is idle then has lost it, or was told to leave it. */
function isDown(channel: Channel): boolean {
  const state = channel.getConnectivityState(false);
  return state === connectivityState.CONNECTING || state === connectivityState.TRANSIENT_FAILURE;
}

/** Credentials that also note what becomes of each connection made with them. */
function watched(
  trust: ChannelCredentials,
  connection: Connection,
  connected: (startedUs: number) => void,
  clock: Clock,
): ChannelCredentials {
  const own: Pick<ChannelCredentials, '_createSecureConnector'> = {
    _createSecureConnector(...args) {
      const connector = trust._createSecureConnector(...args);
      let startedUs = 0;
      return {
        async waitForReady() {
          if (connection.closed) {
            throw new Error('the channel is closed');
          }
          const { phase, socket, error } = connection;
          const before = error === undefined ? undefined : { phase, socket, error };
          Object.assign(connection, { phase: 'tcp', socket: undefined, error: undefined, used: false, before });
          connection.begun++;
          startedUs = clock.nowUs();
          await connector.waitForReady();
        },
        async connect(socket) {
          connection.phase = 'tls';
          connection.socket = socket;
          try {
            const result = await connector.connect(socket);
            connection.phase = 'http2';
            connected(startedUs);
            // A server that wants a certificate says so after a handshake of TLS 1.3.
            result.socket.once('error', (error) => {
              connection.error = error;
            });
            return result;
          } catch (error) {
            connection.error = error;
            throw error;
          }
        },
        getCallCredentials: () => connector.getCallCredentials(),
        destroy: () => connector.destroy(),
      };
    },
  };
  return Object.assign(Object.create(trust) as ChannelCredentials, own);
}

const RECEIVED = new WeakMap<Metadata, IncomingHttpHeaders>();

/** The HTTP/2 headers or trailers that metadata was read from; undefined for metadata that the library made. */
function receivedHeaders(metadata: Metadata): IncomingHttpHeaders | undefined {
  return RECEIVED.get(metadata);
}

// The library gives a status from the server and one of its own making the same shape. What it read from the wire has
// all come through this one function.
const fromHttp2Headers = Metadata.fromHttp2Headers;
Metadata.fromHttp2Headers = (headers) => {
  const metadata = fromHttp2Headers(headers);
  RECEIVED.set(metadata, headers);
  return metadata;
};

/** Whether headers or trailers are gRPC's: pages of proxies and web servers come with statuses and types of their own. */
function isGrpc(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): boolean {
  const { status } = httpStatus(headers);
  // Trailers that follow an answer have no status of HTTP.
  return status === undefined || (status === 200 && headers['content-type']?.startsWith('application/grpc') === true);
}

function httpStatus(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): { readonly status?: number } {
  const status = headers[':status'];
  return status === undefined ? {} : { status };
}
