import { errorCode } from '../errors.js';
import type { Origin, Outcome } from '../samples/outcomes.js';

/** How and by whose fault a request failed. */
export interface Failure {
  readonly outcome: Outcome;
  readonly origin: Origin;
}

const network = (outcome: Outcome): Failure => ({ outcome, origin: 'network' });
const target = (outcome: Outcome): Failure => ({ outcome, origin: 'target' });
const local = (outcome: Outcome): Failure => ({ outcome, origin: 'local' });

/** Errors of sockets, names and TLS, by the codes of Node, libuv and OpenSSL; those that mean the same at any time. */
const BY_CODE: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: network('connect_refused'),
  EHOSTUNREACH: network('connect_unreachable'),
  ENETUNREACH: network('connect_unreachable'),
  EHOSTDOWN: network('connect_unreachable'),
  ENETDOWN: network('connect_unreachable'),
  EACCES: network('connect_unreachable'),
  EINVAL: network('connect_unreachable'),
  ETIMEDOUT: network('connect_timeout'),
  ENOTFOUND: network('dns_nxdomain'),
  EAI_AGAIN: network('dns_timeout'),
  EADDRNOTAVAIL: local('local_ports'),
  EMFILE: local('local_fds'),
  ENFILE: local('local_fds'),
  ENOBUFS: local('local_memory'),
  ENOMEM: local('local_memory'),
  CERT_HAS_EXPIRED: network('tls_expired'),
  CERT_NOT_YET_VALID: network('tls_not_yet_valid'),
  ERR_TLS_CERT_ALTNAME_INVALID: network('tls_hostname'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: network('tls_untrusted'),
  UNABLE_TO_GET_ISSUER_CERT: network('tls_untrusted'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: network('tls_untrusted'),
  SELF_SIGNED_CERT_IN_CHAIN: network('tls_untrusted'),
  DEPTH_ZERO_SELF_SIGNED_CERT: network('tls_self_signed'),
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: network('tls_client_cert'),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: network('tls_client_cert'),
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: network('tls_protocol'),
  ERR_SSL_WRONG_VERSION_NUMBER: network('tls_protocol'),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: network('tls_protocol'),
};

const RESETS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** How far a request had come when its connection broke. */
export interface Progress {
  readonly connected: boolean;
  /** The connection had carried a request before: the peer may have closed it while it was idle. */
  readonly reused: boolean;
  readonly answering: boolean;
}

/** The failure that a socket error means, by its code and how far the request had come; undefined for other errors. */
export function socketFailure(error: unknown, progress: Progress): Failure | undefined {
  const code = errorCode(error) ?? errorCode((error as { cause?: unknown } | undefined)?.cause) ?? '';
  const known = BY_CODE[code];
  if (known) {
    return known;
  }
  if (!RESETS.has(code)) {
    return undefined;
  }
  if (progress.answering) {
    return network('reset_mid_body');
  }
  if (!progress.connected) {
    return network('connect_reset');
  }
  return network(progress.reused ? 'stale_connection' : 'reset_before_response');
}

/** The failure of a connection that the peer closed in good order before the answer was complete. */
export function closedFailure({ answering, reused }: Progress): Failure {
  return network(answering ? 'truncated_body' : reused ? 'stale_connection' : 'closed_before_response');
}

/** The failure that an HTTP status means; undefined for 2xx. */
export function statusFailure(status: number): Failure | undefined {
  if (status >= 200 && status < 300) {
    return undefined;
  }
  const classes: Readonly<Record<number, Outcome>> = { 3: 'http_3xx', 4: 'http_4xx', 5: 'http_5xx' };
  return target(status === 429 ? 'http_429' : (classes[Math.floor(status / 100)] ?? 'http_other'));
}

/** gRPC status codes 1 to 16 by number. */
const GRPC_OUTCOMES: readonly (Outcome | undefined)[] = [
  undefined,
  'grpc_CANCELLED',
  'grpc_UNKNOWN',
  'grpc_INVALID_ARGUMENT',
  'grpc_DEADLINE_EXCEEDED',
  'grpc_NOT_FOUND',
  'grpc_ALREADY_EXISTS',
  'grpc_PERMISSION_DENIED',
  'grpc_RESOURCE_EXHAUSTED',
  'grpc_FAILED_PRECONDITION',
  'grpc_ABORTED',
  'grpc_OUT_OF_RANGE',
  'grpc_UNIMPLEMENTED',
  'grpc_INTERNAL',
  'grpc_UNAVAILABLE',
  'grpc_DATA_LOSS',
  'grpc_UNAUTHENTICATED',
];

/** The outcome that a gRPC status code other than 0 means. */
export function grpcOutcome(code: number): Outcome {
  return GRPC_OUTCOMES[code] ?? 'grpc_other';
}
