import type { Clock } from '../clock.js';
import type { BodyPieces, WireRequest, WireResponse } from '../protocols/protocol.js';
import type { Origin, Outcome } from '../samples/outcomes.js';
import { US_PER_MS } from '../units.js';

/** Any connection that is free, for `Slip.connection`. */
export const ANY_CONNECTION = -1;

/** What one sending of a request needs beside its bytes. Its owner may use one object again and again. */
export interface Slip {
  /** Sequence number of the request in the run; goes out as `x-request-id` of ten digits where ids were asked for. */
  seq: number;
  /** Which connection takes it, from 0, or −1 = ANY_CONNECTION. A request waits where its connection, or all, are busy. */
  connection: number;
  /** When the answer has to be complete, µs of the run's clock. */
  deadlineUs: number;
  /** The moment of the call, where its owner has just read the clock: a transport need not read it again. */
  sentUs?: number;
}

/**
 * How a request ended. Every end is one, whatever happens on the wire. A transport may use one object again and again:
 * it is good during the call that hands it over.
 */
export interface Completion {
  readonly outcome: Outcome;
  /** Whose fault it was; undefined when it was none. */
  readonly origin: Origin | undefined;
  /** HTTP status or gRPC code as received; undefined when none came. What is not gRPC has its HTTP status. */
  readonly status: number | undefined;
  /** When it left the client: the write on an open connection, or the connect that was opened for it. */
  readonly startUs: number;
  /** First byte of the answer; undefined when none came. */
  readonly firstByteUs: number | undefined;
  /** Last byte of body or trailers, or the moment it failed. */
  readonly endUs: number;
  /** Bytes of the HTTP body or gRPC message that came back. */
  readonly bytesIn: number;
  /** Whether the connection had carried a request before. */
  readonly reused: boolean;
  /** The answer, when the outcome is `ok`; its bytes too are good during the call. */
  readonly response: WireResponse | undefined;
  /** One sentence for a failure; text from the server in it is not yet safe to print. */
  readonly detail: string | undefined;
}

/** Connections made since the run's clock started: they cost time that is not the server's. */
export interface Handshakes {
  readonly count: number;
  /** Duration of each in ms, TCP and TLS together, since it was last asked. */
  takeMs(): readonly number[];
}

/** The only code that touches a socket. */
export interface Transport {
  /**
   * Opens connections 0 to `connections` − 1 and waits until each is up. Throws BenchError('unreachable') when one is
   * not within 10 s, BenchError('usage') at a limit of this machine. Where each request has a fresh connection they are
   * only tried and closed again. Called once at most, before the run's clock reaches 0; without it connections open when first used.
   */
  open(connections: number): Promise<void>;
  /** Never throws for what happens on the wire, calls back exactly once and never before it returned. */
  send(request: WireRequest, slip: Readonly<Slip>, done: (completion: Completion) => void): void;
  readonly handshakes: Handshakes;
  /** Closes all connections; what is in flight or waits is cut without a completion. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly target: Target;
  readonly clock: Clock;
  /** Sent with every request, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Send the sequence number as `x-request-id`. */
  readonly requestIds: boolean;
  /** At most so many connections at a time. */
  readonly maxConnections: number;
  /** What will be sent: encoded whole when the transport is made, so that no part of it happens in the run. */
  readonly requests?: readonly WireRequest[];
  /**
   * A new connection for each request: it starts when its connect begins, and the connection is closed after the answer.
   * HTTP/1.1 says `connection: close`, as RFC 9112 (9.6) asks of a client that will not go on and as other load tools do;
   * where the server then closes first, no local port is kept busy for a minute.
   */
  readonly fresh?: boolean;
  /** A request that streams fails when its answer, once begun, brings nothing new for so long, µs; undefined: its deadline alone counts. */
  readonly stallUs?: number | undefined;
  /** Certificates (PEM) that TLS trusts instead of the ones that come with Node. */
  readonly ca?: string | undefined;
  /** The client's own certificate and its key (PEM), for servers that want one. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whatever certificate the server has is taken. */
  readonly insecure?: boolean;
}

/** Notes that an answer's body has come up to `endBytes`; nothing where no more of it came. */
export function notePiece({ endBytes, atUs }: BodyPieces, endByte: number, nowUs: number): void {
  if (endByte > (endBytes.at(-1) ?? 0)) {
    endBytes.push(endByte);
    atUs.push(nowUs);
  }
}

/** How a request ended that found no free connection before its deadline: all were waiting for the target. */
export function neverSent(nowUs: number): Completion {
  return {
    outcome: 'timeout_ttfb',
    origin: 'target',
    status: undefined,
    startUs: nowUs,
    firstByteUs: undefined,
    endUs: nowUs,
    bytesIn: 0,
    reused: false,
    response: undefined,
    detail: 'No connection became free before the deadline',
  };
}

/** Where requests go; the name was resolved once, before the run. */
export interface Target {
  readonly secure: boolean;
  /** The host as the user wrote it, for `host`, `:authority` and TLS. */
  readonly host: string;
  readonly port: number;
  /** The IP address that all connections use. */
  readonly address: string;
}

/** `host:port`, with the brackets that an IPv6 address needs. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The request id of a sequence number: ten digits, so that all ids have one length. */
export function requestId(seq: number): string {
  return String(seq).padStart(10, '0');
}

/** An answer larger than this is cut off: no inference answer of this tool's protocols comes near it. */
export const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** More interim answers (1xx) than this before the answer are a flood: a framing error. */
export const MAX_INTERIM_ANSWERS = 100;

/** The time until a deadline as `grpc-timeout` has it: at most eight digits and a unit. */
export function grpcTimeout(us: number): string {
  const whole = Math.max(1, Math.ceil(us));
  return whole < 1e8 ? `${whole}u` : `${Math.min(Math.ceil(whole / US_PER_MS), 99_999_999)}m`;
}

/** The detail of a request that its deadline ended. */
export const LATE = 'No complete answer before the deadline';

/** How a streamed answer ended that brought nothing new for too long, and its detail. */
export const STALL = { outcome: 'stream_stall', origin: 'target' } as const;
export const STALLED = 'The stream brought nothing new within --stall-timeout';
