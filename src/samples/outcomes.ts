/**
 * How a planned request ended. A closed list: a report never meets a word that is not here. `ok` is the only success;
 * `dropped` and `not_sent_*` were never sent, `abandoned` was in flight when the drain ended.
 */
export const OUTCOMES = [
  'ok',
  'http_3xx',
  'http_4xx',
  'http_429',
  'http_5xx',
  'http_other',
  'dns_nxdomain',
  'dns_timeout',
  'connect_refused',
  'connect_unreachable',
  'connect_timeout',
  'connect_reset',
  'tls_expired',
  'tls_not_yet_valid',
  'tls_hostname',
  'tls_untrusted',
  'tls_self_signed',
  'tls_client_cert',
  'tls_protocol',
  'tls_timeout',
  'reset_before_response',
  'closed_before_response',
  'stale_connection',
  'reset_mid_body',
  'truncated_body',
  'framing_error',
  'header_overflow',
  'body_too_large',
  'decode_error',
  'decompress_limit',
  'invalid_json',
  'schema_mismatch',
  'wrong_output',
  'timeout_ttfb',
  'timeout_total',
  'stream_stall',
  'stream_truncated',
  'stream_protocol',
  'stream_error',
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
  'grpc_other',
  'grpc_no_status',
  'grpc_message_too_large',
  'grpc_not_grpc',
  'h2_goaway',
  'h2_refused',
  'local_ports',
  'local_fds',
  'local_memory',
  'local_worker',
  'dropped',
  'not_sent_overrun',
  'not_sent_stopped',
  'not_sent_agent_lost',
  'abandoned',
  'unknown',
] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** Whose fault a failure is: the server answered wrongly or not at all, the way there broke, or our own machine and limits. */
export const ORIGINS = ['target', 'network', 'local'] as const;
export type Origin = (typeof ORIGINS)[number];

/** The part of the run a request was due in; `drain`: due before the end of the load and sent after it. */
export const PHASES = ['warmup', 'measure', 'drain'] as const;
export type Phase = (typeof PHASES)[number];

/** Whether a request with this outcome went out to the target. */
export function wasSent(outcome: Outcome): boolean {
  return outcome !== 'dropped' && !outcome.startsWith('not_sent_');
}

/** Failures of our own machine, whatever its limits were in the way of. */
const LOCAL: ReadonlySet<Outcome> = new Set([
  'local_ports',
  'local_fds',
  'local_memory',
  'local_worker',
  'grpc_message_too_large',
  'unknown',
]);

/** Whether a request says something about the target: what was never sent or failed on our machine is in no population. */
export function isSample(outcome: Outcome): boolean {
  return wasSent(outcome) && !LOCAL.has(outcome);
}

const KNOWN: ReadonlySet<string> = new Set(OUTCOMES);

export function isOutcome(word: string): word is Outcome {
  return KNOWN.has(word);
}

/** For each index of OUTCOMES, 1 where `wasSent` and `isSample` hold: what folds over blocks look up. */
export const SENT_CODES = Uint8Array.from(OUTCOMES, (outcome) => Number(wasSent(outcome)));
export const SAMPLE_CODES = Uint8Array.from(OUTCOMES, (outcome) => Number(isSample(outcome)));

/** Indexes in those lists that folds ask for. */
export const OK_CODE = OUTCOMES.indexOf('ok');
export const DROPPED_CODE = OUTCOMES.indexOf('dropped');
export const WARMUP_CODE = PHASES.indexOf('warmup');
