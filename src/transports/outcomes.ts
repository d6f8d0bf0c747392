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

/** What keeps a connection from being made, by the codes of Node and libuv. On an open connection they mean that it broke. */
const CONNECT_CODES: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: network('connect_refused'),
  EHOSTUNREACH: network('connect_unreachable'),
  ENETUNREACH: network('connect_unreachable'),
  EHOSTDOWN: network('connect_unreachable'),
  ENETDOWN: network('connect_unreachable'),
  EACCES: network('connect_unreachable'),
  EPERM: network('connect_unreachable'),
  EINVAL: network('connect_unreachable'),
  ETIMEDOUT: network('connect_timeout'),
  ENOTFOUND: network('dns_nxdomain'),
  EAI_AGAIN: network('dns_timeout'),
  EADDRNOTAVAIL: local('local_ports'),
  EADDRINUSE: local('local_ports'),
};

/** Our own limits, which can be met at any moment. */
const LOCAL_CODES: Readonly<Record<string, Failure>> = {
  EMFILE: local('local_fds'),
  ENFILE: local('local_fds'),
  ENOBUFS: local('local_memory'),
  ENOMEM: local('local_memory'),
};

/**
 * TLS, by the codes of OpenSSL. A server that wants a certificate may say so after the handshake, so these too can come
 * at any moment. Alerts about certificates are the server's word on ours.
 */
const TLS_CODES: Readonly<Record<string, Failure>> = {
  CERT_HAS_EXPIRED: network('tls_expired'),
  CERT_NOT_YET_VALID: network('tls_not_yet_valid'),
  ERR_TLS_CERT_ALTNAME_INVALID: network('tls_hostname'),
  HOSTNAME_MISMATCH: network('tls_hostname'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: network('tls_untrusted'),
  UNABLE_TO_GET_ISSUER_CERT: network('tls_untrusted'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: network('tls_untrusted'),
  SELF_SIGNED_CERT_IN_CHAIN: network('tls_untrusted'),
  CERT_SIGNATURE_FAILURE: network('tls_untrusted'),
  CERT_CHAIN_TOO_LONG: network('tls_untrusted'),
  CERT_REVOKED: network('tls_untrusted'),
  CERT_UNTRUSTED: network('tls_untrusted'),
  CERT_REJECTED: network('tls_untrusted'),
  INVALID_CA: network('tls_untrusted'),
  INVALID_PURPOSE: network('tls_untrusted'),
  PATH_LENGTH_EXCEEDED: network('tls_untrusted'),
  DEPTH_ZERO_SELF_SIGNED_CERT: network('tls_self_signed'),
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: network('tls_client_cert'),
  // From OpenSSL 3.5 on, which Node 22 and 24 have, the words of some alerts are others.
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': network('tls_client_cert'),
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': network('tls_client_cert'),
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED': network('tls_client_cert'),
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN': network('tls_client_cert'),
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: network('tls_client_cert'),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: network('tls_client_cert'),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: network('tls_client_cert'),
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: network('tls_client_cert'),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: network('tls_client_cert'),
  EPROTO: network('tls_protocol'),
};

const RESETS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** How far a request had come when its connection broke. */
export interface Progress {
  /** It had been written on an open connection. */
  readonly connected: boolean;
  /** Its connection had carried a request before, and nothing came back: the peer may have closed it while it was idle. */
  readonly stale: boolean;
  /** The status line and headers of the answer were there. */
  readonly answering: boolean;
}

/** The failure that a socket error means, by its code and how far the request had come; undefined for other errors. */
export function socketFailure(error: unknown, progress: Progress): Failure | undefined {
  const code = errorCode(error) ?? errorCode((error as { cause?: unknown } | undefined)?.cause) ?? '';
  const known = TLS_CODES[code] ?? LOCAL_CODES[code];
  if (known) {
    return known;
  }
  if (code.startsWith('ERR_SSL_')) {
    return network('tls_protocol');
  }
  const connect = CONNECT_CODES[code];
  if (connect && !progress.connected) {
    return connect;
  }
  return connect || RESETS.has(code) ? resetFailure(progress) : undefined;
}

function resetFailure({ connected, stale, answering }: Progress): Failure {
  if (answering) {
    return network('reset_mid_body');
  }
  if (!connected) {
    return network('connect_reset');
  }
  return network(stale ? 'stale_connection' : 'reset_before_response');
}

/** The failure of a connection that the peer closed in good order before the answer was complete. */
export function closedFailure({ answering, stale }: Progress): Failure {
  return network(answering ? 'truncated_body' : stale ? 'stale_connection' : 'closed_before_response');
}

const STATUS_CLASSES: Readonly<Record<number, Outcome>> = { 3: 'http_3xx', 4: 'http_4xx', 5: 'http_5xx' };

/** The failure that an HTTP status means; undefined for 2xx. */
export function statusFailure(status: number): Failure | undefined {
  if (status >= 200 && status < 300) {
    return undefined;
  }
  return target(status === 429 ? 'http_429' : (STATUS_CLASSES[Math.floor(status / 100)] ?? 'http_other'));
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
