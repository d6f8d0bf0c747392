import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createSecureServer as createHttp2SecureServer,
  createServer as createHttp2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { monotonicNs } from '../../src/clock.js';
import type { Target } from '../../src/transports/transport.js';

/** A listening server that counts its TCP connections. All are known to `closeServers`. */
export interface TestServer {
  readonly port: number;
  /** Connections accepted so far. */
  accepted(): number;
  /** Connections open now. */
  open(): number;
  /** Cuts all open connections: RST when `reset`, else FIN. */
  cut(reset?: boolean): void;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

const SERVERS = new Set<TestServer>();
const CHILDREN = new Set<ChildProcess>();
const PATIENCE_MS = 5_000;

/** Where a test sends: a server of this process unless told otherwise. */
export function targetOf(server: { readonly port: number }, other: Partial<Target> = {}): Target {
  return { secure: false, host: '127.0.0.1', address: '127.0.0.1', port: server.port, ...other };
}

/** Waits until the clients have closed all their connections, then ends all servers and helper processes. Throws when connections stay open. */
export async function closeServers(): Promise<void> {
  const leaks: string[] = [];
  for (const server of SERVERS) {
    if (!(await becomesTrue(() => server.open() === 0))) {
      leaks.push(`${server.open()} connections to port ${server.port} are still open`);
    }
    await server.close();
  }
  SERVERS.clear();
  for (const child of CHILDREN) {
    child.kill('SIGKILL');
  }
  CHILDREN.clear();
  if (leaks.length > 0) {
    throw new Error(`Leaked sockets: ${leaks.join('; ')}`);
  }
}

/** Whether a condition becomes true within a few seconds. */
export async function becomesTrue(condition: () => boolean): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 5) {
    if (condition()) {
      return true;
    }
    await sleep(5);
  }
  return condition();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export interface TcpServerOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsOptions;
  /** Connections that are kept; others are closed at once. */
  readonly most?: number;
}

/** A server that does whatever the test says with each connection, which has a number from 0. */
export async function tcpServer(
  onSocket: (socket: Socket, connection: number) => void,
  options: TcpServerOptions = {},
): Promise<TestServer> {
  let connections = 0;
  const { tls } = options;
  const handle = (socket: Socket) => {
    socket.on('error', () => {});
    onSocket(socket, connections++);
  };
  const server = tls
    ? createTlsServer(tls, handle).on('tlsClientError', () => {})
    : createTcpServer({ noDelay: true }, handle);
  return listening(server, options);
}

async function listening(
  server: Server,
  { host = '127.0.0.1', port = 0, most = Number.POSITIVE_INFINITY }: TcpServerOptions = {},
): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    if (sockets.size > most) {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const address = server.address();
  const cut = (reset = false) => {
    for (const socket of sockets) {
      if (reset) {
        socket.resetAndDestroy();
      } else {
        socket.destroy();
      }
    }
  };
  const testServer: TestServer = {
    port: typeof address === 'object' && address ? address.port : 0,
    accepted: () => accepted,
    open: () => sockets.size,
    cut,
    async close() {
      SERVERS.delete(testServer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
  SERVERS.add(testServer);
  return testServer;
}

/** A request as its bytes came. */
export interface SeenRequest {
  readonly connection: number;
  /** Position among the requests of its connection, from 0. */
  readonly nth: number;
  readonly method: string;
  /** The request target, byte for byte. */
  readonly path: string;
  /** Lower-case names; a repeated header's values in order. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: Buffer;
  /** CLOCK_MONOTONIC when its last byte was read. */
  readonly recvNs: bigint;
}

/** An HTTP/1.1 server that shares no code with a client under test: it reads requests and lets the test write bytes. */
export function httpServer(
  answer: (socket: Socket, request: SeenRequest) => void,
  options: TcpServerOptions = {},
): Promise<TestServer> {
  return tcpServer((socket, connection) => {
    let pending = Buffer.alloc(0);
    let nth = 0;
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
        const [line = '', ...lines] = pending.toString('latin1', 0, end).split('\r\n');
        const headers: Record<string, string[]> = {};
        for (const each of lines) {
          const colon = each.indexOf(':');
          const name = each.slice(0, colon).toLowerCase();
          headers[name] = [...(headers[name] ?? []), each.slice(colon + 1).trim()];
        }
        const length = Number(headers['content-length']?.[0] ?? 0);
        if (pending.length < end + 4 + length) {
          return;
        }
        const body = Buffer.from(pending.subarray(end + 4, end + 4 + length));
        pending = pending.subarray(end + 4 + length);
        const [method = '', path = ''] = line.split(' ');
        answer(socket, { connection, nth: nth++, method, path, headers, body, recvNs: monotonicNs() });
      }
    });
  }, options);
}

/** An HTTP/1.1 answer with a body and its length. */
export function httpAnswer(
  body: string | Buffer,
  head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n',
): Buffer {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([Buffer.from(`${head}content-length: ${bytes.length}\r\n\r\n`, 'latin1'), bytes]);
}

/** A gRPC server of the library, with handlers of raw bytes, behind a listener that counts connections. */
export async function grpcServer(
  service: ServiceDefinition,
  handlers: UntypedServiceImplementation,
  options: TcpServerOptions = {},
): Promise<TestServer> {
  const server = new GrpcServer({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(service, handlers);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = await tcpServer((socket) => injector.injectConnection(socket), options);
  const testServer: TestServer = {
    ...listener,
    async close() {
      SERVERS.delete(testServer);
      injector.destroy();
      server.forceShutdown();
      await listener.close();
    },
  };
  SERVERS.delete(listener);
  SERVERS.add(testServer);
  return testServer;
}

/** An HTTP/1.1 server that answers all requests, and closes where it is asked to. */
export function friendlyHttpServer(options: TcpServerOptions = {}): Promise<TestServer> {
  return httpServer((socket, { headers }) => {
    if (headers.connection?.[0] === 'close') {
      socket.end(httpAnswer('{}', 'HTTP/1.1 200 OK\r\nconnection: close\r\n'));
    } else {
      socket.write(httpAnswer('{}'));
    }
  }, options);
}

const TCP_SOCKETS = new WeakMap<Http2Session, Socket>();

/** The TCP connection under a stream of `http2Server`: HTTP/2's own view of it refuses to be cut. */
export function tcpSocketOf(stream: ServerHttp2Stream): Socket | undefined {
  return stream.session && TCP_SOCKETS.get(stream.session);
}

/** An HTTP/2 server that does whatever the test says with each stream. */
export function http2Server(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  options: TcpServerOptions = {},
): Promise<TestServer> {
  const server = options.tls ? createHttp2SecureServer(options.tls) : createHttp2Server();
  let newest: Socket | undefined;
  server.prependListener('connection', (socket: Socket) => {
    newest = socket;
  });
  server.on('tlsClientError', () => {});
  server.on('session', (session) => {
    session.on('error', () => {});
    if (newest) {
      TCP_SOCKETS.set(session, newest);
    }
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  return listening(server, options);
}

const PREFACE_BYTES = 24;
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;

/** One HTTP/2 connection as bytes. */
export interface RawStream {
  /** `:status 200` and `content-type: application/grpc`, not the end of the stream. */
  headers(): void;
  data(bytes: Buffer): void;
  /** RST_STREAM, and nothing else: node:http2 ends the stream in good order first. */
  reset(code: number): void;
}

/** A server of HTTP/2 frames by hand, for what node:http2 does not send. */
export function rawHttp2Server(onCall: (stream: RawStream) => void): Promise<TestServer> {
  return tcpServer((socket) => {
    const send = (type: number, flags: number, streamId: number, payload: Buffer) => {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head.writeUInt8(type, 3);
      head.writeUInt8(flags, 4);
      head.writeUInt32BE(streamId, 5);
      socket.write(Buffer.concat([head, payload]));
    };
    let pending = Buffer.alloc(0);
    let skipped = false;
    send(FRAME.settings, 0, 0, Buffer.alloc(0));
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      if (!skipped && pending.length >= PREFACE_BYTES) {
        skipped = true;
        pending = pending.subarray(PREFACE_BYTES);
      }
      while (skipped && pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const [type, flags, streamId] = [pending.readUInt8(3), pending.readUInt8(4), pending.readUInt32BE(5)];
        pending = pending.subarray(9 + pending.readUIntBE(0, 3));
        if (type === FRAME.settings && flags === 0) {
          send(FRAME.settings, 1, 0, Buffer.alloc(0));
        } else if ((type === FRAME.data || type === FRAME.headers) && flags & END_STREAM) {
          onCall({
            // HPACK: entry 8 of the static table; entry 31 with a literal value of 16 bytes.
            headers: () =>
              send(FRAME.headers, END_HEADERS, streamId, Buffer.from('\x88\x5f\x10application/grpc', 'latin1')),
            data: (bytes) => send(FRAME.data, 0, streamId, bytes),
            reset(code) {
              const payload = Buffer.alloc(4);
              payload.writeUInt32BE(code);
              send(FRAME.reset, 0, streamId, payload);
            },
          });
        }
      }
    });
  });
}

/** A message as gRPC frames it: flag, length, bytes. The length can be a lie. */
export function grpcFrame(message: Buffer, { compressed = false, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

export interface ChildServer {
  readonly port: number;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
}

/** A server in a process of its own that can be killed: `source` is a module that reads its port from argv and prints it. */
async function childServer(command: string, args: readonly string[], port = 0): Promise<ChildServer> {
  const child = spawn(command, [...args, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  CHILDREN.add(child);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const printed = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(String(line)));
    child.once('error', reject).once('exit', () => reject(new Error('The child server ended before it listened')));
  });
  return {
    port: Number(printed),
    async kill() {
      child.kill('SIGKILL');
      await gone;
      CHILDREN.delete(child);
    },
  };
}

const HTTP_CHILD = `
  const server = require('node:http').createServer((request, response) => response.end('{}'));
  server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log(server.address().port));`;

/** Answers everything with `{}` from a process of its own. */
export function httpChild(port = 0): Promise<ChildServer> {
  return childServer(process.execPath, ['-e', HTTP_CHILD, '--'], port);
}

const GRPC_CHILD = `
  const server = require('node:http2').createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
  });
  server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log(server.address().port));`;

/** Answers every gRPC call with an empty message from a process of its own. */
export function grpcChild(port = 0): Promise<ChildServer> {
  return childServer(process.execPath, ['-e', GRPC_CHILD, '--'], port);
}

const BLACK_HOLE = `
import socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(0)
port = listener.getsockname()[1]
filling = []
for _ in range(3):
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex(('127.0.0.1', port))
    filling.append(filler)
print(port, flush=True)
sys.stdin.read()
`;

/** A port whose backlog is full: it drops every SYN, without a privilege. */
export function blackHole(): Promise<ChildServer> {
  return childServer('python3', ['-c', BLACK_HOLE]);
}

/** Whether a program can be run here. */
export function hasProgram(name: string, args: readonly string[] = ['--version']): boolean {
  return spawnSync(name, args, { stdio: 'ignore' }).status === 0;
}

/** A certificate with its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** The authority that signed all but `selfSigned`. */
  readonly ca: string;
  /** For `localhost` and 127.0.0.1. */
  readonly good: Certificate;
  readonly expired: Certificate;
  readonly notYetValid: Certificate;
  /** For another host. */
  readonly otherHost: Certificate;
  readonly selfSigned: Certificate;
}

const CA_CONFIG = `
[ca]
default_ca = here
[here]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
`;

/** Certificates made by the openssl command for this test run. */
export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-tls-'));
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
    }
  };
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-config', 'ca.cnf'];
  const signed = (name: string, names: string, start: string, end: string): Certificate => {
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`];
    openssl('req', '-new', ...newKey, ...request, '-addext', `subjectAltName=${names}`);
    const dates = ['-startdate', start, '-enddate', end];
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', ...dates, '-in', `${name}.csr`, '-out', `${name}.pem`);
    return { cert: read(`${name}.pem`), key: read(`${name}.key`) };
  };
  try {
    writeFileSync(join(directory, 'ca.cnf'), CA_CONFIG);
    writeFileSync(join(directory, 'index.txt'), '');
    writeFileSync(join(directory, 'serial'), '1000\n');
    const authority = [
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=test authority',
      '-extensions',
      'authority',
    ];
    openssl('req', '-x509', ...newKey, ...authority, '-days', '3650');
    const here = 'DNS:localhost,IP:127.0.0.1';
    const [past, present, future, farFuture] = [
      '20200101000000Z',
      '20210101000000Z',
      '20400101000000Z',
      '20480101000000Z',
    ];
    const self = ['-keyout', 'self.key', '-out', 'self.pem', '-subj', '/CN=self', '-addext', `subjectAltName=${here}`];
    openssl('req', '-x509', ...newKey, ...self, '-days', '3650');
    return {
      ca: read('ca.pem'),
      good: signed('good', here, present, future),
      expired: signed('expired', here, past, present),
      notYetValid: signed('early', here, future, farFuture),
      otherHost: signed('other', 'DNS:other.test', present, future),
      selfSigned: { cert: read('self.pem'), key: read('self.key') },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
