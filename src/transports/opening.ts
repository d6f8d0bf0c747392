import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { BenchError, errorCode } from '../errors.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { maxOpenFiles, RESERVED_FILES } from './limits.js';
import { authority, type Target } from './transport.js';

/** How long a connection may take to come up before a run. */
export const OPEN_TIMEOUT_US = 10 * US_PER_S;
/** So many are opened at a time: a server's queue of connections it has not taken is short. */
const AT_A_TIME = 64;
/** A server that has enough takes a connection and closes it at once: that shows within this time. */
const SETTLE_US = 20 * US_PER_MS;

/** A connection that is being opened before a run. */
export interface Opening {
  /** Why it is not open, or not any more; undefined while it is. */
  problem(): unknown;
  /** Ends the attempt. */
  giveUp(): void;
}

export interface OpenOptions {
  readonly count: number;
  /** Only see whether they can be opened: they are closed again. */
  readonly fresh: boolean | undefined;
  readonly target: Target;
  readonly clock: Clock;
  /** Begins connection `index` and says that it came up, or what went wrong, then or later. */
  readonly begin: (index: number, done: (problem?: unknown) => void) => Opening;
}

/**
 * Opens connections 0 to `count` − 1 and looks whether all are still open after that. Throws BenchError('unreachable')
 * when one is not within 10 s, and BenchError('usage') when it is this machine that has no more of them.
 */
export async function openAll({ count, fresh = false, target, clock, begin }: OpenOptions): Promise<void> {
  const openings: Opening[] = [];
  const problems: unknown[] = [];
  let next = 0;
  const openOnes = async () => {
    while (next < count) {
      const index = next++;
      const problem = await openOne(index);
      if (problem !== undefined) {
        next = count;
        throw openError(index, count, target, problem);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_A_TIME) }, openOnes));
  if (count > 0) {
    await new Promise<void>((resolve) => clock.at(clock.nowUs() + SETTLE_US, resolve));
  }
  openings.forEach((opening, index) => {
    const problem = opening.problem();
    if (problem !== undefined) {
      throw openError(index, count, target, problems[index] ?? problem);
    }
    if (fresh) {
      opening.giveUp();
    }
  });

  function openOne(index: number): Promise<unknown> {
    return new Promise((resolve) => {
      const cancel = clock.at(clock.nowUs() + OPEN_TIMEOUT_US, () => {
        openings[index]?.giveUp();
        resolve({ code: 'ETIMEDOUT' });
      });
      openings[index] = begin(index, (problem) => {
        cancel();
        problems[index] ??= problem;
        resolve(problem);
      });
    });
  }
}

/** Why a socket that was open is not any more; undefined while it is. */
export function closedProblem(socket: Socket | null | undefined): unknown {
  if (socket?.readyState === 'open') {
    return undefined;
  }
  return socket?.errored ?? new Error('the server closed it at once');
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the server broke it off',
  ETIMEDOUT: `no answer within ${OPEN_TIMEOUT_US / US_PER_S} s`,
  EHOSTUNREACH: 'no route to the host',
  EACCES: 'the system does not allow it',
  EPERM: 'the system does not allow it',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the name server did not answer',
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate is from an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate is from an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the server's certificate is from an unknown authority",
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the server refused the TLS handshake: it may want a client certificate',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': 'the server refused the TLS handshake: it may want a client certificate',
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN': 'the server does not trust the client certificate',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': 'the server refused the client certificate',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust the client certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the server does not trust the client certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the server refused the client certificate',
};
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

const UNTRUSTED_HINT = '--cacert FILE trusts its authority, --insecure does not check';
const HINTS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'a URL of http:// or grpc:// goes without TLS',
};
const HINT = 'look whether this port is for that protocol, with or without TLS, and takes so many connections';

/** Why a connection could not be made, in plain words where its code is known. */
export function reasonOf(problem: unknown): string {
  const code = errorCode(problem);
  return (code !== undefined && REASONS[code]) || code || (problem as Error | undefined)?.message || String(problem);
}

function openError(index: number, count: number, target: Target, cause: unknown): BenchError {
  const code = errorCode(cause) ?? '';
  const what = `connection ${index + 1} of ${count} to ${authority(target.host, target.port)}`;
  if (code === 'EMFILE') {
    return new BenchError('usage', `Cannot open ${what}: this process may have ${maxOpenFiles()} files open`, {
      cause,
      hint: `raise it: ulimit -n ${count + RESERVED_FILES}; or lower --connections`,
    });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EADDRINUSE') {
    return new BenchError('usage', `Cannot open ${what}: this machine has no local port left for it`, {
      cause,
      hint: 'widen the range (sysctl net.ipv4.ip_local_port_range), wait a minute for closed ones, or lower --connections',
    });
  }
  if (code === 'ENFILE' || code === 'ENOBUFS' || code === 'ENOMEM') {
    return new BenchError('usage', `Cannot open ${what}: this machine has no room for it (${code})`, {
      cause,
      hint: 'lower --connections, or raise the limits of the system (sysctl fs.file-max)',
    });
  }
  return new BenchError('unreachable', `Cannot open ${what}: ${reasonOf(cause)}`, {
    cause,
    hint: `${UNTRUSTED.has(code) ? UNTRUSTED_HINT : (HINTS[code] ?? HINT)}; nothing was sent`,
  });
}
