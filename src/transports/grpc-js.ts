import { isIP } from 'node:net';
import { Client, credentials, Metadata, type ServiceError, status as STATUS } from '@grpc/grpc-js';
import { type Failure, grpcOutcome } from './outcomes.js';
import {
  authority,
  type Completion,
  MAX_ANSWER_BYTES,
  requestId,
  type Transport,
  type TransportOptions,
} from './transport.js';

/** One call is one attempt on one connection of its own; a lost connection comes back quickly. */
const CHANNEL_OPTIONS = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 250,
  'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
  'grpc.max_send_message_length': -1,
} as const;

/** Codes that the library also makes up itself when the way to the target breaks. */
const ALSO_LOCAL_CODES: ReadonlySet<number> = new Set([
  STATUS.CANCELLED,
  STATUS.INTERNAL,
  STATUS.UNAVAILABLE,
  STATUS.UNKNOWN,
]);

const asBytes = (bytes: Buffer): Buffer => bytes;

/**
 * gRPC unary calls over @grpc/grpc-js, one channel with one connection per lane. Messages go and come as bytes: they
 * were encoded before the run. The deadline is sent along and also kept here.
 */
export function createGrpcJsTransport(options: TransportOptions): Transport {
  const { target, clock } = options;
  const name = `${isIP(target.address) === 6 ? 'ipv6' : 'ipv4'}:${authority(target.address, target.port)}`;
  const lanes: (Client | undefined)[] = [];
  const used = new WeakSet<Client>();

  function openLane(): Client {
    return new Client(name, target.secure ? credentials.createSsl() : credentials.createInsecure(), {
      ...CHANNEL_OPTIONS,
      'grpc.default_authority': authority(target.host, target.port),
      ...(target.secure && !isIP(target.host) && { 'grpc.ssl_target_name_override': target.host }),
    });
  }

  return {
    send(request, slip, done) {
      const lane = lanes[slip.connection] ?? openLane();
      lanes[slip.connection] = lane;
      const metadata = new Metadata();
      for (const [key, value] of Object.entries({ ...options.headers, ...request.headers })) {
        metadata.set(key, value);
      }
      if (options.requestIds) {
        metadata.set('x-request-id', requestId(slip.seq));
      }

      const startUs = clock.nowUs();
      const reused = used.has(lane);
      let firstByteUs: number | undefined;
      let settled = false;

      function settle(end: Partial<Completion> & Pick<Completion, 'outcome'>): void {
        if (settled) {
          return;
        }
        settled = true;
        cancelDeadline();
        used.add(lane);
        done({ startUs, endUs: clock.nowUs(), bytesIn: 0, reused, ...(firstByteUs !== undefined && { firstByteUs }), ...end });
      }

      const call = lane.makeUnaryRequest(
        request.path,
        asBytes,
        asBytes,
        request.body ?? Buffer.alloc(0),
        metadata,
        { deadline: clock.epochMsAt(slip.deadlineUs) },
        (error, message) => {
          if (error) {
            const answered = firstByteUs !== undefined;
            const failure = failureOf(error, answered);
            settle({ ...failure, status: error.code, detail: error.details });
          } else {
            const body = message as Buffer;
            settle({
              outcome: 'ok',
              status: STATUS.OK,
              bytesIn: body.length,
              response: { status: STATUS.OK, headers: {}, body },
            });
          }
        },
      );
      const cancelDeadline = clock.at(slip.deadlineUs, () => {
        settle({ outcome: 'grpc_DEADLINE_EXCEEDED', origin: 'target', detail: 'No complete answer before the deadline' });
        call.cancel();
      });
      call.on('metadata', () => {
        firstByteUs = clock.nowUs();
      });
    },
    async close() {
      for (const lane of lanes) {
        lane?.close();
      }
    },
  };
}

/** The code alone does not say who made it up: the library answers with the same codes as servers do. */
function failureOf(error: ServiceError, answered: boolean): Failure {
  // Only an answer that consisted of trailers alone has the answer's own headers in the status.
  const trailersOnly = Object.keys(error.metadata?.getMap() ?? {}).includes('content-type');
  const outcome = error.code === undefined ? 'decode_error' : grpcOutcome(error.code);
  const brokenOnTheWay = !trailersOnly && ALSO_LOCAL_CODES.has(error.code);
  return { outcome, origin: brokenOnTheWay && !answered ? 'network' : 'target' };
}
