import type { Item } from '../datasets/dataset.js';
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
  /** Index of its endpoint among those of the protocol; the first unless told otherwise. */
  readonly endpoint?: number;
  /** The answer comes in parts: when each of them came is wanted. */
  readonly stream?: boolean;
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
  /** Of requests that stream. */
  readonly pieces?: BodyPieces | undefined;
}

/** What the answer says once it was read. */
export interface Decoded {
  readonly outcome: Extract<
    Outcome,
    'ok' | 'decode_error' | 'invalid_json' | 'schema_mismatch' | 'stream_truncated' | 'stream_protocol' | 'stream_error'
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
export type Request = Pick<WireRequest, 'batch' | 'endpoint'>;

/** A pure codec: no sockets, no time. */
export interface Protocol {
  readonly name: string;
  readonly via: 'http' | 'grpc';
  /** What requests go to, by the names that samples and reports have; the main one first. */
  readonly endpoints: readonly string[];
  /** What goes out before each encoded request, to other endpoints: one turn of a user is these and then that one. */
  readonly before?: readonly WireRequest[];
  /** Encodes a batch of items. Throws RangeError for items that it cannot carry. */
  encode(items: readonly Item[]): WireRequest;
  /** Checks that an answer has the datatype and shape of one to the request. */
  decode(response: WireResponse, request: Request): Decoded;
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
  readonly input: Item['kind'];
  /** Whether the URL may have a path of its own. */
  readonly takesPath: boolean;
  /** The largest batch the wire contract allows. */
  readonly maxBatch: number;
  create(values: FlagValues<Own>, basePath: string): Promise<Protocol>;
}

/** Declares a protocol; the values that `create` gets are typed by its flags. */
export function protocol<Own extends Flags>(kind: ProtocolKind<Own>): ProtocolKind {
  return kind as unknown as ProtocolKind;
}

export const DECODED_OK: Decoded = { outcome: 'ok' };
