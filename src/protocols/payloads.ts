import type { Dataset, Item } from '../datasets/dataset.js';
import type { Random } from '../random.js';
import { shuffledIndexes } from '../random.js';
import { formatBytes } from '../units.js';
import type { PayloadIndex } from './data-order.js';
import type { Protocol, WireRequest } from './protocol.js';

/** More bytes than this are not kept ready; what fits is sent again and again. */
const MAX_POOL_BYTES = 64 * 2 ** 20;

/** No larger request is encoded: servers refuse messages long before, and making one would take the machine's memory. */
const MAX_REQUEST_BYTES = 64 * 2 ** 20;

/** Where many requests are wanted: more than half an hour's new ones of a server that answers a hundred a second at a repeat rate of 0.95. */
const MANY_REQUESTS = 10_000;

/** The requests of a run, encoded before its clock starts. */
export interface Payloads {
  /** Distinct requests, in their shuffled order. */
  readonly requests: readonly WireRequest[];
  /** Bytes of all paths and bodies in the pool. */
  readonly bytes: number;
}

export interface PayloadOptions {
  readonly protocol: Protocol;
  readonly dataset: Dataset;
  /** Items per request. */
  readonly batchSize: number;
  readonly random: Random;
  /** Batches of other items, or in another order, until there are thousands of requests. */
  readonly many?: boolean;
}

/**
 * Encodes the dataset in a shuffled order, a batch of different items to a request. Items come twice in a batch only
 * when the dataset has fewer than the batch wants. Throws RangeError, a sentence, for items that the protocol cannot carry
 * and for a batch that is too large.
 */
export function payloads({ protocol, dataset, batchSize, random, many = false }: PayloadOptions): Payloads {
  refuseTooLarge(protocol, dataset, batchSize);
  const inPass = Math.ceil(dataset.size / batchSize);
  const wanted = many && batchSize > 1 ? Math.max(inPass, MANY_REQUESTS) : inPass;
  const pool: WireRequest[] = [];
  const known = new Set<string>();
  let order: Uint32Array = new Uint32Array();
  let bytes = 0;
  // A small dataset has not so many batches: at some point it brings only those that are there.
  for (let attempt = 0; attempt < 2 * wanted && pool.length < wanted && bytes < MAX_POOL_BYTES; attempt++) {
    const batch = attempt % inPass;
    order = batch === 0 ? shuffledIndexes(dataset.size, random) : order;
    const indexes = Array.from(
      { length: batchSize },
      (_, place) => order[(batch * batchSize + place) % dataset.size] as number,
    );
    const key = indexes.join();
    if (known.has(key)) {
      continue;
    }
    known.add(key);
    const request = protocol.encode(indexes.map((index): Item => dataset.at(index)));
    bytes += bytesOf(request);
    pool.push(request);
  }
  return { requests: pool, bytes };
}

/** Foretells the size of a batch from batches of one and two items. */
function refuseTooLarge(protocol: Protocol, dataset: Dataset, batchSize: number): void {
  if (batchSize <= 2) {
    return;
  }
  const [one, two] = [1, 2].map((length) =>
    bytesOf(protocol.encode(Array.from({ length }, (_, index) => dataset.at(index % dataset.size)))),
  ) as [number, number];
  const foretold = one + (two - one) * (batchSize - 1);
  if (foretold > MAX_REQUEST_BYTES) {
    throw new RangeError(
      `a batch of ${batchSize} items is a request of about ${formatBytes(foretold)}, at most ${formatBytes(MAX_REQUEST_BYTES)} are sent: lower --batch-size`,
    );
  }
}

function bytesOf({ path, body }: WireRequest): number {
  return path.length + (body?.length ?? 0);
}

/** What goes out by sequence number: a turn is what comes `before` each payload, in its order, and then the payload. */
export interface Turns {
  readonly before: readonly WireRequest[];
  readonly requests: readonly WireRequest[];
  readonly index: PayloadIndex;
}

/** The request with a sequence number. */
export function requestAt({ before, requests, index }: Turns, seq: number): WireRequest {
  const turn = before.length + 1;
  return (before[seq % turn] ?? requests[index(Math.floor(seq / turn))]) as WireRequest;
}

/** The payload of a sequence number; undefined where it is one of the requests before a payload. */
export function payloadAt(
  { before, index }: { readonly before: { readonly length: number } } & Pick<Turns, 'index'>,
  seq: number,
): number | undefined {
  const turn = before.length + 1;
  return seq % turn === before.length ? index(Math.floor(seq / turn)) : undefined;
}
