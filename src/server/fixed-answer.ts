import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { monotonicNs } from '../clock.js';
import { type HttpServer, listenError, MAX_HEAD_BYTES } from './http.js';
import type { TruthLog } from './truth-log.js';

/** The same bytes for every request: what a client is measured against costs as little as a server can. */
export interface FixedAnswerOptions<Content> {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly content: Content;
  /** Gets a line per request, batch 0: bodies are not read. */
  readonly truthLog?: TruthLog | undefined;
}

const NO_BYTES = Buffer.alloc(0);
const HEAD_END = '\r\n\r\n';
const CHUNKED_REFUSED = 'HTTP/1.1 501 Not Implemented\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/**
 * HTTP/1.1 on a bare socket: any request with a content-length or no body gets the JSON text `content`, whatever its
 * path and method. Throws BenchError for an address that cannot be had.
 */
export function createFixedHttpServer({
  content,
  truthLog,
  ...address
}: FixedAnswerOptions<string>): Promise<HttpServer> {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(content)}`;
  const answer = Buffer.from(head + HEAD_END + content);

  return listen(createServer({ noDelay: true }), '--port', address, (socket) => {
    /** The beginning of a head whose end has not come. */
    let held: Buffer = NO_BYTES;
    let bodyLeftBytes = 0;
    let id: string | undefined;
    let receivedNs = 0n;
    let last = false;

    function reply(): void {
      truthLog?.record({ id, receivedNs, sentNs: monotonicNs(), batch: 0, status: 200 });
      writeTo(socket, answer);
      if (last) {
        socket.end();
      }
    }

    /** What the head says that matters here; false when the body cannot be passed over. */
    function readHead(text: string): boolean {
      bodyLeftBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      last = /\r\nconnection: *close/i.test(text);
      if (truthLog) {
        id = /\r\nx-request-id: *([^\r]*)/i.exec(text)?.[1];
        receivedNs = monotonicNs();
      }
      return !/\r\ntransfer-encoding:/i.test(text);
    }

    socket.on('data', (chunk: Buffer) => {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      let at = 0;
      held = NO_BYTES;
      while (at < bytes.length) {
        if (bodyLeftBytes > 0) {
          const passed = Math.min(bodyLeftBytes, bytes.length - at);
          at += passed;
          bodyLeftBytes -= passed;
        } else {
          const end = bytes.indexOf(HEAD_END, at, 'latin1');
          if (end < 0) {
            held = bytes.subarray(at);
            break;
          }
          if (!readHead(bytes.toString('latin1', at, end))) {
            socket.end(CHUNKED_REFUSED);
            return;
          }
          at = end + HEAD_END.length;
        }
        if (bodyLeftBytes === 0) {
          reply();
        }
      }
      if (held.length > MAX_HEAD_BYTES) {
        socket.destroy();
      }
    });
  });
}

/** Writes, and reads no more from a client that does not take its answers. */
export function writeTo(socket: Socket, bytes: Uint8Array): void {
  if (!socket.write(bytes)) {
    socket.pause();
    socket.once('drain', () => socket.resume());
  }
}

/** Lets a server listen. Its answers leave as requests come, so that closing has nothing to wait for. */
export async function listen(
  server: Server,
  flag: '--port' | '--grpc-port',
  { host, port }: { readonly host: string; readonly port: number },
  connected: (socket: Socket) => void,
): Promise<HttpServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Without a listener a reset connection would end the process.
    socket.on('error', () => {});
    connected(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(flag, { host, port }, error)));
    server.listen({ host, port, backlog: 4096 }, () => resolve());
  });
  return {
    address: server.address() as AddressInfo,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) {
        socket.destroySoon();
      }
      return closed;
    },
  };
}
