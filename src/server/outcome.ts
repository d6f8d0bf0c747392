/** The codes of gRPC, which are those of `tensorflow.error.Code` too. */
export const CODES = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type Code = keyof typeof CODES;

const HTTP_STATUS: Readonly<Record<Code, number>> = {
  OK: 200,
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  UNKNOWN: 500,
  INTERNAL: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** The HTTP status that TensorFlow Serving gives a code; Triton's are the same. */
export function httpStatusOf(code: Code): number {
  return HTTP_STATUS[code];
}

/** Why a request got no result: a value, since a failed request is not a fault of the program. */
export interface Refusal {
  readonly code: Exclude<Code, 'OK'>;
  readonly message: string;
}

/** A result or the reason why there is none. */
export type Outcome<Value> =
  | { readonly value: Value; readonly error?: undefined }
  | { readonly error: Refusal; readonly value?: undefined };

/** Makes the failing kind of outcome. */
export function refusal(code: Refusal['code'], message: string): { readonly error: Refusal } {
  return { error: { code, message } };
}
