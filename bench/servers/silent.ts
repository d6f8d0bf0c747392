/** Reads everything and never answers, over HTTP/1.1 and, as far as HTTP/2 needs for a connection to stand, over gRPC; prints its port. */
import { createServer } from 'node:net';

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const SETTINGS = Buffer.from('000000040000000000', 'hex');
const SETTINGS_ACK = Buffer.from('000000040100000000', 'hex');
/** WINDOW_UPDATE of the connection: nothing that is sent here waits for room. */
const ROOM = Buffer.from('0000040800000000003fff0000', 'hex');

const server = createServer({ noDelay: true }, (socket) => {
  let head = '';
  const read = (chunk: Buffer) => {
    head += chunk.toString('latin1');
    if (!head.startsWith('PRI')) {
      socket.off('data', read).resume();
    } else if (head.length >= PREFACE_BYTES + FRAME_HEAD_BYTES) {
      // The client's own settings have come with its preface.
      socket.write(Buffer.concat([SETTINGS, SETTINGS_ACK, ROOM]));
      socket.off('data', read).resume();
    }
  };
  socket.on('error', () => {});
  socket.on('data', read);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log((server.address() as { port: number }).port),
);
process.once('SIGTERM', () => process.exit());
