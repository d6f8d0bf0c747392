import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, monotonicNs, wallMs } from '../clock.js';
import { BenchError, errorCode } from '../errors.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import type { CacheState, Serve } from './service.js';
import { RESET_STATUS, type TruthLog } from './truth-log.js';

/** One request as a route sees it. */
export interface Call {
  readonly method: string;
  /** The path as sent, still percent-encoded, without the query. */
  readonly path: string;
  /** What stands behind the `?`, still percent-encoded; empty when there is none. */
  readonly query: string;
  /** The groups of the route's pattern; empty for an exact path. */
  readonly groups: readonly (string | undefined)[];
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What goes back. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Bytes behind the text of the body. */
  readonly tail?: Buffer;
  /** It takes so long. */
  readonly afterMs?: number | undefined;
  /** More of the body, each part in its time: the answer then has chunks instead of a length. */
  readonly parts?: readonly AnswerPart[];
  /** `application/json` unless said otherwise. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  /** Items of the request, for the truth log; 0 when it could not be read. */
  readonly batch?: number;
}

/** A part of a body that is sent so long after the answer began. */
export interface AnswerPart {
  readonly afterMs: number;
  readonly text: string;
}

/** The first route whose path and method fit answers. */
export interface Route {
  /** Any method when absent. */
  readonly method?: string;
  /** The path to the letter, or a pattern that must cover it. */
  readonly path: string | RegExp;
  /** Every request to it passes through the service and gets a line in the truth log. */
  readonly inference?: true;
  /** What the metrics call it, where the path is a pattern. */
  readonly endpoint?: string;
  /** Where several kinds are served together, their routes for the same path come first. */
  readonly yields?: true;
  answer(call: Call): Answer;
}

/** Routes that belong together: what a server kind says. */
export interface RouteGroup {
  readonly routes: readonly Route[];
  /** The body of an answer that no route gave: 404, 405, 413, 429, 500, 503. */
  problem(message: string, status: number): string;
  readonly maxBodyBytes: number;
  /** What inference requests pass through; without it they are answered at once. */
  readonly serve?: Serve<Answer>;
}

/** What a server says, where, and how. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** The first one with a route that fits answers, and the first one what fits nowhere. */
  readonly groups: readonly [RouteGroup, ...RouteGroup[]];
  readonly truthLog?: TruthLog | undefined;
  /** What a full queue is told by; 503 unless told otherwise. */
  readonly overloadStatus?: 429 | 503;
  /** Bodies of inference answers leave so slowly; absent: at once. */
  readonly slowBody?: SlowBody | undefined;
  /** Hears of every answer; `endpoint` is the path of its route, or `other`. */
  readonly count?: (endpoint: string, status: number | 'reset') => void;
}

/** How slowly bodies leave. */
export interface SlowBody {
  readonly bytesPerS: number;
  readonly clock: Clock;
}

/** A listening server. */
export interface HttpServer {
  readonly address: AddressInfo;
  /** Takes no more connections, ends the idle ones, lets requests in flight finish for a few seconds. */
  close(): Promise<void>;
}

/** Longer than any think time, so that a connection is never cut under a client that reuses it. */
const KEEP_ALIVE_MS = 75_000;
/** A burst of new connections waits in the kernel instead of being refused; the kernel caps it. */
export const BACKLOG = 4096;
/** Text to classify may travel in the path. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** How long `close` waits for requests in flight. */
export const DRAIN_MS = 3_000;
/** nginx's number for a client that left before its request was complete. */
const CLIENT_CLOSED_REQUEST = 499;

const NO_BODY = Buffer.alloc(0);

/** Listens and answers; throws BenchError for an address that cannot be had. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { truthLog, overloadStatus = 503, slowBody, count } = options;
  /** Requests in flight per connection. */
  const connections = new Map<Socket, number>();
  let closing = false;

  const server = createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEAD_BYTES });
  server.on('connection', (socket: Socket) => {
    connections.set(socket, 0);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const receivedNs = monotonicNs();
    const { socket } = request;
    connections.set(socket, (connections.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (connections.get(socket) ?? 1) - 1;
      if (connections.has(socket)) {
        connections.set(socket, left);
      }
      if (closing && left === 0) {
        socket.destroySoon();
      }
    });
    handle(request, response, receivedNs);
  });

  function handle(request: IncomingMessage, response: ServerResponse, receivedNs: bigint): void {
    const method = request.method as string;
    const { path, query } = splitTarget(request.url as string);
    const { socket } = request;
    const { group, route, groups, allow } = findRoute(options.groups, method, path);
    const { maxBodyBytes, serve } = group;
    const log = route?.inference && truthLog;

    const record = (status: number, batch: number) => {
      if (log) {
        log.record({ id: request.headers['x-request-id'], receivedNs, sentNs: monotonicNs(), batch, status });
      }
      count?.(route ? endpointOf(route) : 'other', status === RESET_STATUS ? 'reset' : status);
    };
    const send = (answer: Answer, cache?: CacheState) => {
      const { body, tail, afterMs, parts } = answer;
      if (afterMs !== undefined) {
        setTimeout(() => {
          if (response.destroyed) {
            record(CLIENT_CLOSED_REQUEST, answer.batch ?? 0);
          } else {
            send({ ...answer, afterMs: undefined }, cache);
          }
        }, afterMs);
        return;
      }
      const headers: Record<string, string | number> = {
        'content-type': answer.type ?? 'application/json',
        ...(!parts && { 'content-length': Buffer.byteLength(body) + (tail?.length ?? 0) }),
        ...answer.headers,
        ...(cache && cacheHeaders(cache)),
      };
      if (answer.status === 405) {
        headers.allow = allow.join(', ');
      }
      if (closing) {
        headers.connection = 'close';
      }
      if (parts) {
        response.writeHead(answer.status, headers);
        sendParts(response, parts, (whole) => record(whole ? answer.status : CLIENT_CLOSED_REQUEST, answer.batch ?? 0));
        return;
      }
      record(answer.status, answer.batch ?? 0);
      const content = tail ? Buffer.concat([Buffer.from(body), tail]) : body;
      response.writeHead(answer.status, headers);
      if (slowBody && route?.inference) {
        writeSlowly(response, Buffer.from(content), slowBody);
      } else {
        response.end(content);
      }
    };
    const problemAnswer = (status: number, message: string) => ({ status, body: group.problem(message, status) });
    const problem = (status: number, message: string) => send(problemAnswer(status, message));

    readBody(request, maxBodyBytes, (body) => {
      if (body === 'gone') {
        record(CLIENT_CLOSED_REQUEST, 0);
        return;
      }
      if (body === 'too large') {
        problem(413, `Request body is larger than ${maxBodyBytes} bytes`);
        return;
      }
      if (!route) {
        if (allow.length === 0) {
          problem(404, 'Not Found');
        } else {
          problem(405, 'Method Not Allowed');
        }
        return;
      }
      const call: Call = { method, path, query, groups, headers: request.headers, body };
      const answer = (): Answer => {
        try {
          return route.answer(call);
        } catch (error) {
          // A fault of ours on one request must not end the server under a running measurement.
          return problemAnswer(500, `Internal error: ${(error as Error)?.message ?? error}`);
        }
      };
      if (!serve || !route.inference) {
        send(answer());
        return;
      }
      const work = {
        key: () => keyOf(call),
        run() {
          const value = answer();
          return { value, items: value.batch ?? 0, ok: value.status < 400 };
        },
      };
      serve(work, (end) => {
        switch (end.kind) {
          case 'answer':
            send(end.value, end.cache);
            return;
          case 'full':
            problem(overloadStatus, 'The queue is full');
            return;
          case 'error':
            problem(500, 'An error on request');
            return;
          case 'reset':
            record(RESET_STATUS, 0);
            socket.resetAndDestroy();
        }
      });
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error) => {
    throw listenError('--port', options, error);
  });

  return {
    address: server.address() as AddressInfo,
    close() {
      closing = true;
      return new Promise((resolve) => {
        const giveUp = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
        server.close(() => {
          clearTimeout(giveUp);
          resolve();
        });
        // Node's own closeIdleConnections spares connections on which no request ever came.
        for (const [socket, inFlight] of connections) {
          if (inFlight === 0) {
            socket.destroy();
          }
        }
      });
    },
  };
}

/** Sends each part of a body when it is due, and tells just before the last whether the client was there until then. */
function sendParts(response: ServerResponse, parts: readonly AnswerPart[], ends: (whole: boolean) => void): void {
  const beganNs = monotonicNs();
  let sent = 0;
  function sendDue(): void {
    const elapsedMs = Number(monotonicNs() - beganNs) / 1e6;
    if (response.destroyed) {
      ends(false);
      return;
    }
    for (; sent < parts.length; sent++) {
      const { afterMs, text } = parts[sent] as AnswerPart;
      if (afterMs > elapsedMs) {
        setTimeout(sendDue, Math.ceil(afterMs - elapsedMs));
        return;
      }
      response.write(text);
    }
    ends(true);
    response.end();
  }
  sendDue();
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const local = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*\/?/i, '/');
  const mark = local.indexOf('?');
  return mark < 0 ? { path: local, query: '' } : { path: local.slice(0, mark), query: local.slice(mark + 1) };
}

/** The headers that say what a request is to the server, beside its body. */
const KEY_HEADERS = ['content-type', 'inference-header-content-length'] as const;

/** Names what a request asks: the hash of all that an answer depends on, in hexadecimal digits. */
function keyOf({ method, path, query, headers, body }: Call): string {
  const head = [method, path, query, ...KEY_HEADERS.map((name) => headers[name])];
  return createHash('sha256').update(JSON.stringify(head)).update(body).digest('hex');
}

/** The name of the header, its values and its companions are those of the third seed's server. */
function cacheHeaders({ isHit, leftUs, tag }: CacheState): Readonly<Record<string, string>> {
  return {
    'x-mlapi-cache': isHit ? 'Hit' : 'Miss',
    'cache-control': `max-age=${Math.floor(leftUs / US_PER_S)}`,
    expires: new Date(wallMs() + leftUs / US_PER_MS).toUTCString(),
    etag: `W/${tag}`,
  };
}

/** Time between two pieces of a slow body. */
const PIECE_US = 10 * US_PER_MS;

function writeSlowly(response: ServerResponse, content: Buffer, { bytesPerS, clock }: SlowBody): void {
  const startUs = clock.nowUs();
  let sentBytes = 0;
  function writeDue(): void {
    const nowUs = clock.nowUs();
    const dueBytes = Math.min(content.length, Math.floor(((nowUs - startUs) * bytesPerS) / US_PER_S));
    if (response.destroyed) {
      return;
    }
    if (dueBytes === content.length) {
      response.end(content.subarray(sentBytes));
      return;
    }
    if (dueBytes > sentBytes) {
      response.write(content.subarray(sentBytes, dueBytes));
      sentBytes = dueBytes;
    }
    clock.at(nowUs + PIECE_US, writeDue);
  }
  response.flushHeaders();
  writeDue();
}

function endpointOf({ endpoint, path }: Route): string {
  return endpoint ?? (typeof path === 'string' ? path : path.source);
}

interface Found {
  /** Of the route, or of what the answer without one is worded by. */
  readonly group: RouteGroup;
  readonly route?: Route;
  readonly groups: readonly (string | undefined)[];
  /** The methods of the routes whose path fits. */
  readonly allow: readonly string[];
}

/** A route that wants exactly this, one that does not yield to others first; else what the first group that knows the path says. */
function findRoute(all: HttpServerOptions['groups'], method: string, path: string): Found {
  const asked = { method, path };
  for (const group of all) {
    const found = findInGroup(group, asked, ({ yields }) => !yields);
    if (found?.route) {
      return found;
    }
  }
  for (const group of all) {
    const found = findInGroup(group, asked, () => true);
    if (found) {
      return found;
    }
  }
  return { group: all[0], groups: [], allow: [] };
}

/** Undefined when no route's path fits. */
function findInGroup(
  group: RouteGroup,
  { method, path }: Pick<Call, 'method' | 'path'>,
  counts: (route: Route) => boolean,
): Found | undefined {
  const allow: string[] = [];
  for (const route of group.routes) {
    const groups = counts(route) ? matchPath(route.path, path) : undefined;
    if (groups && (route.method === undefined || route.method === method)) {
      return { group, route, groups, allow };
    }
    if (groups) {
      allow.push(route.method as string);
    }
  }
  return allow.length > 0 ? { group, groups: [], allow } : undefined;
}

function matchPath(wanted: string | RegExp, path: string): readonly (string | undefined)[] | undefined {
  if (typeof wanted === 'string') {
    return wanted === path ? [] : undefined;
  }
  const match = wanted.exec(path);
  return match?.[0] === path ? match.slice(1) : undefined;
}

/** Calls back once. What is above the cap is read and thrown away: closing under a sending client would hide the answer. */
function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (body: Buffer | 'too large' | 'gone') => void,
): void {
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    done(NO_BODY);
    return;
  }
  let chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) {
      chunks.push(chunk);
    } else {
      chunks = [];
    }
  });
  request.once('end', () => {
    request.off('close', leave);
    if (bytes > maxBytes) {
      done('too large');
    } else {
      done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes));
    }
  });
  const leave = () => done('gone');
  request.once('close', leave);
  // Without a listener a reset connection would end the process.
  request.on('error', () => {});
}

/** Why a server cannot listen, with the flag to change. */
export function listenError(
  flag: '--port' | '--grpc-port',
  options: { readonly host: string; readonly port: number },
  error: unknown,
): BenchError {
  const { host, port } = options;
  const code = errorCode(error);
  const onPort = (reason: string, hint: string) =>
    new BenchError('usage', `Cannot listen on ${flag} ${port}: ${reason}`, { hint, cause: error });
  switch (code) {
    case 'EADDRINUSE':
      return onPort(
        `another program listens on port ${port} of ${host} already`,
        `stop that program, or give ${flag} another port; 0 takes any free one`,
      );
    case 'EACCES':
      return onPort(
        'the system does not permit it to this user',
        `ports below 1024 need more rights: give ${flag} a higher one`,
      );
    case 'EADDRNOTAVAIL':
      return new BenchError('usage', `Cannot listen on --host ${host}: no interface of this machine has that address`, {
        cause: error,
      });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new BenchError('usage', `Cannot listen on --host ${host}: the name does not resolve`, { cause: error });
    default:
      return onPort(code ?? String((error as Error)?.message ?? error), 'give another --host or port');
  }
}
