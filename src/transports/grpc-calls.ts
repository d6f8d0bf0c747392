import type { WireResponse } from '../protocols/protocol.js';
import { type Deadline, deadline } from './deadlines.js';
import type { Connection } from './grpc-connection.js';
import type { CallHead } from './grpc-headers.js';
import type { Completion } from './transport.js';

/** Flag and length before a gRPC message. */
export const PREFIX_BYTES = 5;
/** A message larger than this gets its memory as it comes, not when its length says so. */
export const EAGER_BYTES = 2 ** 20;
export const EMPTY = Buffer.alloc(0);

/** What its owner writes into. */
type Filled<Record> = { -readonly [Key in keyof Record]: Record[Key] };

/** One call from `send` to its completion; then the object serves the next. */
export interface Call {
  head: CallHead | undefined;
  body: Buffer;
  seq: number;
  done: ((completion: Completion) => void) | undefined;
  readonly deadline: Deadline;
  /** Where it is, or waits; undefined when it waits for any. */
  connection: Connection | undefined;
  /** Stream id; 0 while it waits. */
  id: number;
  /** The next in its queue. */
  next: Call | undefined;
  /** How many connections it lost in a row that had carried nothing. */
  moves: number;

  /** `startUs` stands: it waits for a connection that is being made. */
  started: boolean;
  startUs: number;
  /** Bytes of prefix and message that were written. */
  sentBytes: number;
  /** What the peer lets us send of it; only kept while something is unsent. */
  windowBytes: number;

  answering: boolean;
  interim: number;
  encoding: string | undefined;
  prefixBytes: number;
  compressed: boolean;
  /** The message so far; may be longer or of a former call. */
  message: Buffer;
  messageBytes: number;
  takenBytes: number;
  readonly response: Filled<WireResponse>;
  readonly completion: Filled<Completion>;
}

/** A call that can be used; `expired` is told when its deadline passes. */
export function newCall(expired: (call: Call) => void): Call {
  const call: Call = {
    head: undefined,
    body: EMPTY,
    seq: 0,
    done: undefined,
    deadline: deadline(() => expired(call)),
    connection: undefined,
    id: 0,
    next: undefined,
    moves: 0,
    started: false,
    startUs: 0.5,
    sentBytes: 0,
    windowBytes: 0,
    answering: false,
    interim: 0,
    encoding: undefined,
    prefixBytes: 0,
    compressed: false,
    message: EMPTY,
    messageBytes: 0,
    takenBytes: 0,
    response: { status: 0, headers: {}, body: EMPTY },
    completion: {
      outcome: 'ok',
      origin: undefined,
      status: undefined,
      startUs: 0.5,
      firstByteUs: undefined,
      endUs: 0.5,
      bytesIn: 0,
      reused: false,
      response: undefined,
      detail: undefined,
    },
  };
  return call;
}

/** Makes a call that is over as good as new. */
export function resetCall(call: Call): void {
  const { completion } = call;
  call.done = undefined;
  call.connection = undefined;
  call.id = 0;
  call.moves = 0;
  call.started = false;
  call.sentBytes = 0;
  call.answering = false;
  call.interim = 0;
  call.encoding = undefined;
  call.prefixBytes = 0;
  call.takenBytes = 0;
  if (call.message.length > EAGER_BYTES) {
    call.message = EMPTY;
    call.response.body = EMPTY;
  }
  completion.firstByteUs = undefined;
  completion.reused = false;
  completion.response = undefined;
}

/** Whether a part of the request has not been written. */
export function isUnsent(call: Call): boolean {
  return call.sentBytes < PREFIX_BYTES + call.body.length;
}

/** Calls in order, linked by `next`. */
export interface CallQueue {
  first: Call | undefined;
  last: Call | undefined;
  length: number;
}

export function callQueue(): CallQueue {
  return { first: undefined, last: undefined, length: 0 };
}

/** Adds a call at the end. */
export function push(queue: CallQueue, call: Call): void {
  call.next = undefined;
  if (queue.last) {
    queue.last.next = call;
  } else {
    queue.first = call;
  }
  queue.last = call;
  queue.length++;
}

/** Takes the first call. */
export function shift(queue: CallQueue): Call | undefined {
  const call = queue.first;
  if (call !== undefined) {
    queue.first = call.next;
    if (queue.last === call) {
      queue.last = undefined;
    }
    call.next = undefined;
    queue.length--;
  }
  return call;
}

/** Takes a call out of the middle: those at the front expire first, so it is not far. */
export function unlink(queue: CallQueue, call: Call): void {
  if (queue.first === call) {
    shift(queue);
    return;
  }
  for (let before = queue.first; before; before = before.next) {
    if (before.next === call) {
      before.next = call.next;
      queue.last = queue.last === call ? before : queue.last;
      call.next = undefined;
      queue.length--;
      return;
    }
  }
}
