import type { Expected, InputSpec, Item } from '../datasets/dataset.js';
import type { Flags, FlagValues } from '../flags.js';
import type { Outcome } from '../samples/outcomes.js';

/** A request as it goes out but for what the transport adds (authority, framing, deadline). */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** HTTP request target, or the gRPC method's path `/package.Service/Method`. */
  readonly path: string;
  /** Lower-case names; gRPC: metadata. */
  readonly headers: Readonly<Record<string, string>>;
  /** HTTP body or gRPC message; null when there is none. */
  readonly body: Buffer | null;
  /** Items in this request; 0 for one that asks for none. */
  readonly batch: number;
  /** The right answer to each item, where it is known. */
  readonly expected?: readonly (Expected | undefined)[];
  /** Index of its endpoint among those of the protocol; the first unless told otherwise. */
  readonly endpoint?: number;
  /** The answer comes in parts: when each of them came is wanted. */
  readonly stream?: boolean;
  /** The HTTP statuses of an answer that are no failure; absent: 2xx. */
  readonly statuses?: readonly number[];
}

/** When the parts of a body came: up to which of its bytes, rising, and at what time, µs of the run's clock. */
export interface BodyPieces {
  readonly endBytes: number[];
  readonly atUs: number[];
}

/** An answer whose transport part was fine: HTTP 2xx or gRPC status OK. */
export interface WireResponse {
  /** HTTP status or gRPC code. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  /** Of requests that stream; of gRPC, message by message, an empty one too. */
  readonly pieces?: BodyPieces | undefined;
}

/** A question to the server beside the load, and how its answer is read. */
export interface Probe<Answer> {
  readonly request: WireRequest;
  read(reply: Reply): Reading<Answer>;
}

/** What came back to a question beside the load. */
export interface Reply {
  /** HTTP status or gRPC code; undefined when none came. */
  readonly status: number | undefined;
  /** The answer, when it was HTTP 2xx or gRPC OK. */
  readonly response: WireResponse | undefined;
  /** What is known of the failure otherwise; not yet safe to print. */
  readonly detail: string;
  /** Whether that is an error in the form that APIs have for theirs: not of a server that has no such path. */
  readonly spoken?: boolean;
}

/** Asks the server something beside the load. */
export type Ask = (request: WireRequest) => Promise<Reply>;

/** What a protocol learned of its server: plain data, which crosses to the threads that send. */
export type Learned = readonly Uint8Array[];

/** What an answer said, or why it said nothing: one sentence, not yet safe to print. */
export type Reading<Answer> =
  | { readonly value: Answer; readonly problem?: undefined }
  | { readonly problem: string; readonly value?: undefined };

/** What a server has counted since it started: requests, and the time it spent on them in each place. */
export interface ServerCounters {
  readonly inferences: number;
  readonly executions: number;
  readonly success: Duration;
  readonly fail: Duration;
  readonly queue: Duration;
  readonly computeInput: Duration;
  readonly computeInfer: Duration;
  readonly computeOutput: Duration;
  readonly cacheHit: Duration;
  readonly cacheMiss: Duration;
}

/** How often, and how long altogether. */
export interface Duration {
  readonly count: number;
  readonly ns: number;
}

/** What the answer says once it was read. */
export interface Decoded {
  readonly outcome: Extract<
    Outcome,
    | 'ok'
    | 'decode_error'
    | 'invalid_json'
    | 'schema_mismatch'
    | 'wrong_output'
    | 'stream_truncated'
    | 'stream_protocol'
    | 'stream_error'
  >;
  /** One sentence for a failure; text from the server in it is not yet safe to print. */
  readonly detail?: string;
  /** What the server says of its response cache. */
  readonly cache?: 'hit' | 'miss' | undefined;
  /** Tokens that were generated, by the server's own count. */
  readonly tokensOut?: number | undefined;
  /** When the first content of a streamed answer came, µs of the run's clock. */
  readonly firstTokenUs?: number | undefined;
  /** When the last content of it came. */
  readonly lastTokenUs?: number | undefined;
  /** Chunks of a streamed answer that had content. */
  readonly chunks?: number | undefined;
  /** The times between them. */
  readonly gapsUs?: readonly number[] | undefined;
}

/** What of a request its answer is held against. */
export type Request = Pick<WireRequest, 'batch' | 'endpoint' | 'expected'>;

/** A pure codec: no sockets, no time. */
export interface Protocol {
  readonly name: string;
  readonly via: 'http' | 'grpc';
  /** What requests go to, by the names that samples and reports have; the main one first. */
  readonly endpoints: readonly string[];
  /** The lane that can carry it, where not every one can. */
  readonly lane?: 'library';
  /** Its answers say more than whether they are right (tokens, a cache): they are read without a check too. */
  readonly tells?: true;
  /** What goes out before each encoded request, to other endpoints: one turn of a user is these and then that one. */
  readonly before?: readonly WireRequest[];
  /** Encodes a batch of items. Throws RangeError for items that it cannot carry. */
  encode(items: readonly Item[]): WireRequest;
  /** Checks that an answer has the datatype and shape of one to the request. */
  decode(response: WireResponse, request: Request): Decoded;
  /**
   * The answer to each item as plain values (numbers, texts, lists and objects of them), the same ones over each
   * encoding. For answers that `decode` finds ok; absent where answers cannot be compared.
   */
  answers?(response: WireResponse, request: Request): readonly unknown[];
}

/** What a server can be asked beside the load: needed before there is a codec, so no part of it. */
export interface Questions {
  /** Whether the server takes requests of this kind: its own word, not merely an open port. Absent: the port is all there is. */
  readonly readiness?: Probe<true>;
  /** What the codec cannot be made without. */
  readonly definitions?: (ask: Ask) => Promise<Learned>;
  /** The inputs of the model in the server's words; an empty list where it has the model, but does not tell them. */
  readonly metadata?: Probe<readonly InputSpec[]>;
  /** The server's own counters. */
  readonly statistics?: Probe<ServerCounters>;
}

/** What a user can ask for by name. The codec itself may need heavy modules, so it is made on demand. */
export interface ProtocolKind<Own extends Flags = Flags> {
  readonly summary: string;
  readonly via: Protocol['via'];
  readonly flags: Own;
  /** The kind of the embedded server that speaks it; without one a run needs a URL, and `calibrate` passes it over. */
  readonly server?: string;
  /** The port that servers of this kind listen on unless told otherwise. */
  readonly defaultPort: number;
  /** The dataset used unless the user names one, and what its items have to be. */
  readonly dataset: string;
  readonly input: Exclude<Item['kind'], 'tensors'>;
  /** Whether the URL may have a path of its own. */
  readonly takesPath: boolean;
  /** Whether that path, and a query, are the request's own: they go out as they were written. */
  readonly takesTarget?: true;
  /** Whether its requests are what the user writes: without flags there are none. */
  readonly generic?: true;
  /** The largest batch the wire contract allows. */
  readonly maxBatch: number;
  /** What is wrong with the values of its flags together. */
  problems?(values: FlagValues<Own>): readonly string[];
  /** Whether the default dataset fits what the flags ask for; where not, the server is asked for the model's inputs. */
  fitsDataset?(values: FlagValues<Own>): boolean;
  /** What its servers can be asked beside the load. */
  questions?(values: FlagValues<Own>, basePath: string): Promise<Questions> | Questions;
  create(values: FlagValues<Own>, basePath: string, options?: CreateOptions): Promise<Protocol>;
}

/** What a protocol may need of a run beside its own flags. */
export interface CreateOptions {
  /** Of every request, lower-case names; one with a placeholder is filled for each. */
  readonly headers: Readonly<Record<string, string>>;
  /** What `Questions.definitions` gave. */
  readonly learned?: Learned | undefined;
}

/** Declares a protocol; the values that `create` gets are typed by its flags. */
export function protocol<Own extends Flags>(kind: ProtocolKind<Own>): ProtocolKind {
  return kind as unknown as ProtocolKind;
}

export const DECODED_OK: Decoded = { outcome: 'ok' };

/** A probe by a bodiless GET. */
export function getProbe<Answer>(path: string, read: Probe<Answer>['read']): Probe<Answer> {
  return { request: { method: 'GET', path, headers: { accept: 'application/json' }, body: null, batch: 0 }, read };
}

/** What `read` makes of an answer; a RangeError of it is a sentence that says what is wrong. */
export function readingOf<Answer>(read: () => Answer): Reading<Answer> {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    return { problem: error.message };
  }
}

/**
 * Asks for a model at a server that does not tell of its inputs: by a request for as little as can be, which it refuses
 * with 404 and a word about it when it has no such model. Whatever else comes of it, the load will tell.
 */
export function modelProbe(request: WireRequest): Probe<readonly []> {
  return {
    request,
    read: ({ status, spoken, detail }) => (status === 404 && spoken ? { problem: detail } : { value: [] }),
  };
}

/** Ready when it answers HTTP 2xx or gRPC OK, whatever it says. */
export function anyAnswer({ response, detail }: Reply): Reading<true> {
  return response ? { value: true } : { problem: detail };
}
