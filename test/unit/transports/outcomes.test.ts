import { describe, expect, it } from 'vitest';
import { isOutcome } from '../../../src/samples/outcomes.js';
import {
  closedFailure,
  grpcOutcome,
  type Progress,
  socketFailure,
  statusFailure,
} from '../../../src/transports/outcomes.js';

const CONNECTING: Progress = { connected: false, stale: false, answering: false };
const WAITING: Progress = { connected: true, stale: false, answering: false };
const STALE: Progress = { connected: true, stale: true, answering: false };
const ANSWERING: Progress = { connected: true, stale: false, answering: true };

const errorOf = (code: string) => Object.assign(new Error('text that must not matter: ECONNREFUSED'), { code });

describe('an error while connecting', () => {
  it.each([
    ['ECONNREFUSED', 'connect_refused', 'network'],
    ['EHOSTUNREACH', 'connect_unreachable', 'network'],
    ['ENETUNREACH', 'connect_unreachable', 'network'],
    ['EHOSTDOWN', 'connect_unreachable', 'network'],
    ['ENETDOWN', 'connect_unreachable', 'network'],
    ['EACCES', 'connect_unreachable', 'network'],
    ['EPERM', 'connect_unreachable', 'network'],
    ['EINVAL', 'connect_unreachable', 'network'],
    ['ETIMEDOUT', 'connect_timeout', 'network'],
    ['ENOTFOUND', 'dns_nxdomain', 'network'],
    ['EAI_AGAIN', 'dns_timeout', 'network'],
    ['ECONNRESET', 'connect_reset', 'network'],
    ['ECONNABORTED', 'connect_reset', 'network'],
    ['EADDRNOTAVAIL', 'local_ports', 'local'],
    ['EADDRINUSE', 'local_ports', 'local'],
    ['EMFILE', 'local_fds', 'local'],
    ['ENFILE', 'local_fds', 'local'],
    ['ENOBUFS', 'local_memory', 'local'],
    ['ENOMEM', 'local_memory', 'local'],
    ['CERT_HAS_EXPIRED', 'tls_expired', 'network'],
    ['CERT_NOT_YET_VALID', 'tls_not_yet_valid', 'network'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_hostname', 'network'],
    ['HOSTNAME_MISMATCH', 'tls_hostname', 'network'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_untrusted', 'network'],
    ['UNABLE_TO_GET_ISSUER_CERT', 'tls_untrusted', 'network'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls_untrusted', 'network'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_untrusted', 'network'],
    ['CERT_REVOKED', 'tls_untrusted', 'network'],
    ['INVALID_PURPOSE', 'tls_untrusted', 'network'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_self_signed', 'network'],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'tls_client_cert', 'network'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'tls_client_cert', 'network'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls_client_cert', 'network'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls_client_cert', 'network'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls_protocol', 'network'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol', 'network'],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'tls_protocol', 'network'],
    ['ERR_SSL_SOMETHING_NEW', 'tls_protocol', 'network'],
    ['EPROTO', 'tls_protocol', 'network'],
  ])('%s is %s', (code, outcome, origin) => {
    expect(socketFailure(errorOf(code), CONNECTING)).toEqual({ outcome, origin });
  });
});

describe('an error of an open connection', () => {
  it.each([
    ['before an answer', WAITING, 'reset_before_response'],
    ['on a connection that may have been closed while idle', STALE, 'stale_connection'],
    ['inside an answer', ANSWERING, 'reset_mid_body'],
  ])('%s', (_what, progress, outcome) => {
    // What keeps a connection from being made also ends one: silence of the peer, or a route that went away.
    for (const code of ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']) {
      expect(socketFailure(errorOf(code), progress)).toEqual({ outcome, origin: 'network' });
    }
  });

  it.each([
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls_client_cert', 'network'],
    ['ENOMEM', 'local_memory', 'local'],
  ])('%s means the same at any time', (code, outcome, origin) => {
    for (const progress of [CONNECTING, WAITING, STALE, ANSWERING]) {
      expect(socketFailure(errorOf(code), progress)).toEqual({ outcome, origin });
    }
  });

  it('may be wrapped', () => {
    const error = new Error('wrapped', { cause: errorOf('ECONNRESET') });
    expect(socketFailure(error, WAITING)?.outcome).toBe('reset_before_response');
  });

  it.each([
    ['a code of something else', errorOf('UND_ERR_SOCKET')],
    ['no code but telling text', new Error('read ECONNRESET')],
    ['no error', undefined],
  ])('with %s is not one', (_what, error) => {
    expect(socketFailure(error, WAITING)).toBe(undefined);
  });
});

describe('a connection closed in good order', () => {
  it.each([
    ['before an answer', WAITING, 'closed_before_response'],
    ['while idle, as far as one can tell', STALE, 'stale_connection'],
    ['inside an answer', ANSWERING, 'truncated_body'],
  ])('%s', (_what, progress, outcome) => {
    expect(closedFailure(progress)).toEqual({ outcome, origin: 'network' });
  });
});

describe('an HTTP status', () => {
  it.each([
    [200, undefined],
    [204, undefined],
    [299, undefined],
    [300, 'http_3xx'],
    [302, 'http_3xx'],
    [399, 'http_3xx'],
    [400, 'http_4xx'],
    [428, 'http_4xx'],
    [429, 'http_429'],
    [430, 'http_4xx'],
    [499, 'http_4xx'],
    [500, 'http_5xx'],
    [599, 'http_5xx'],
    [199, 'http_other'],
    [600, 'http_other'],
    [999, 'http_other'],
  ])('%i', (status, outcome) => {
    expect(statusFailure(status)).toEqual(outcome && { outcome, origin: 'target' });
  });
});

describe('a gRPC code', () => {
  // As the gRPC specification numbers them.
  it.each([
    [1, 'grpc_CANCELLED'],
    [2, 'grpc_UNKNOWN'],
    [3, 'grpc_INVALID_ARGUMENT'],
    [4, 'grpc_DEADLINE_EXCEEDED'],
    [5, 'grpc_NOT_FOUND'],
    [6, 'grpc_ALREADY_EXISTS'],
    [7, 'grpc_PERMISSION_DENIED'],
    [8, 'grpc_RESOURCE_EXHAUSTED'],
    [9, 'grpc_FAILED_PRECONDITION'],
    [10, 'grpc_ABORTED'],
    [11, 'grpc_OUT_OF_RANGE'],
    [12, 'grpc_UNIMPLEMENTED'],
    [13, 'grpc_INTERNAL'],
    [14, 'grpc_UNAVAILABLE'],
    [15, 'grpc_DATA_LOSS'],
    [16, 'grpc_UNAUTHENTICATED'],
    [0, 'grpc_other'],
    [17, 'grpc_other'],
    [99, 'grpc_other'],
    [-1, 'grpc_other'],
    [1.5, 'grpc_other'],
    [Number.NaN, 'grpc_other'],
  ])('%d is %s', (code, outcome) => {
    expect(grpcOutcome(code)).toBe(outcome);
    expect(isOutcome(outcome)).toBe(true);
  });
});
