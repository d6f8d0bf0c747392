/** Answers every POST with the JSON of its argument, and has no metadata; prints its port. For machines without nginx. */
import { createServer } from 'node:net';

const body = process.argv[2] as string;
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
);

const nothing = 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n';

const server = createServer({ noDelay: true }, (socket) => {
  let missing = 0;
  let posted = true;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    // Heads come whole here, and one request at a time.
    if (missing === 0) {
      const head = chunk.toString('latin1', 0, 1_000);
      posted = head.startsWith('POST');
      missing = head.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    }
    missing -= chunk.length;
    if (missing === 0) {
      socket.write(posted ? answer : nothing);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
process.once('SIGTERM', () => process.exit());
