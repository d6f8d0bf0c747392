import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const open: Server[] = [];

/** A node:http server on a free port that answers everything alike until `closeAnswering`; its URL. */
export async function serverOf(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Closes the servers of `serverOf` and cuts their connections. */
export function closeAnswering(): void {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}
