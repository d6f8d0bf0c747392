import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BenchError, errorCode } from '../errors.js';

/** What Prometheus reads while a run goes on. */
export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `text()` at /metrics; port 0 is any free one. A scrape is answered by the main thread, in between its work.
 * Throws BenchError('usage') when the port cannot be listened on.
 */
export async function startMetricsServer(host: string, port: number, text: () => string): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const found = request.url?.split('?')[0] === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(found ? text() : 'Not here: /metrics\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new BenchError(
          'usage',
          `Cannot listen on --metrics-port ${port} of ${host}: ${problem(errorCode(error)) ?? error.message}`,
          { cause: error },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function problem(code: string | undefined): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use';
    case 'EADDRNOTAVAIL':
      return 'it is no address of this machine';
    case 'EACCES':
      return 'permission denied';
    default:
      return code;
  }
}
