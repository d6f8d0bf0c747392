/**
 * Answers every gRPC call with the same PredictResponse of about 100 B, by hand over HTTP/2 frames: reads nothing but what
 * it needs for that. Prints its port.
 */
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';

const protos = loadSync('tensorflow_serving/prediction_service.proto', {
  keepCase: true,
  includeDirs: [fileURLToPath(new URL('../../protos', import.meta.url))],
});
const service = protos['tensorflow.serving.PredictionService'] as Record<string, MethodDefinition<object, object>>;
const scores = {
  dtype: 'DT_FLOAT',
  tensor_shape: { dim: [{ size: 1 }, { size: 10 }] },
  tensor_content: Buffer.from(new Float32Array(10).fill(0.1).buffer),
};
const answerMessage = (service.Predict as MethodDefinition<object, object>).responseSerialize({
  outputs: { scores },
  model_spec: { name: 'mnist', signature_name: 'predict_images' },
});
const message = Buffer.concat([Buffer.of(0, 0, 0, 0, answerMessage.length), answerMessage]);

const frame = (type: number, flags: number, payload: Buffer) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, payload]);
};
const answer = (headers: string, trailers: string) =>
  Buffer.concat([
    frame(1, 4, Buffer.from(headers, 'latin1')),
    frame(0, 0, message),
    frame(1, 5, Buffer.from(trailers, 'latin1')),
  ]);
// As servers do: the first answer fills the client's table, the others refer to it.
const first = answer('\x88\x5f\x10application/grpc', '\x40\x0bgrpc-status\x010');
const others = answer('\x88\xbf', '\xbe');
const trailersAt = 9 + 2 + 9 + message.length;
const settings = frame(4, 0, Buffer.from('\0\x03\0\0\x27\x10\0\x04\x3f\xff\xff\xff', 'latin1'));
const room = frame(8, 0, Buffer.from('3fff0000', 'hex'));

const server = createServer({ noDelay: true }, (socket) => {
  let skipBytes = 24;
  let head = Buffer.alloc(0);
  let payloadLeft = 0;
  let answered = 0;
  let windowBytes = 0;
  let out = Buffer.allocUnsafe(65_536);
  let outBytes = 0;
  const write = () => {
    socket.write(out.subarray(0, outBytes));
    if (socket.writableLength > 0) {
      out = Buffer.allocUnsafe(65_536);
    }
    outBytes = 0;
  };
  const reply = (streamId: number) => {
    if (answered++ === 0) {
      const own = Buffer.from(first);
      for (let at = 0; at < own.length; at += 9 + own.readUIntBE(at, 3)) {
        own.writeUInt32BE(streamId, at + 5);
      }
      socket.write(own);
      return;
    }
    if (outBytes + others.length > out.length) {
      write();
    }
    out.set(others, outBytes);
    out.writeUInt32BE(streamId, outBytes + 5);
    out.writeUInt32BE(streamId, outBytes + 9 + 2 + 5);
    out.writeUInt32BE(streamId, outBytes + trailersAt + 5);
    outBytes += others.length;
  };
  const control = (bytes: Buffer, at: number) => {
    const type = bytes[at + 3];
    if (type === 4 && bytes[at + 4] === 0) {
      socket.write(frame(4, 1, Buffer.alloc(0)));
    } else if (type === 0) {
      windowBytes += bytes.readUIntBE(at, 3);
      if (windowBytes > 0x3fff0000) {
        windowBytes = 0;
        socket.write(room);
      }
      if ((bytes[at + 4] as number) & 1) {
        reply(bytes.readUInt32BE(at + 5));
      }
    }
  };
  socket.write(Buffer.concat([settings, room]));
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    let at = Math.min(skipBytes, chunk.length);
    skipBytes -= at;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const bytes = Math.min(payloadLeft, chunk.length - at);
        payloadLeft -= bytes;
        at += bytes;
      } else if (head.length === 0 && chunk.length - at >= 9) {
        payloadLeft = chunk.readUIntBE(at, 3);
        control(chunk, at);
        at += 9;
      } else {
        const bytes = Math.min(9 - head.length, chunk.length - at);
        head = Buffer.concat([head, chunk.subarray(at, at + bytes)]);
        at += bytes;
        if (head.length === 9) {
          payloadLeft = head.readUIntBE(0, 3);
          control(head, 0);
          head = Buffer.alloc(0);
        }
      }
    }
    if (outBytes > 0) {
      write();
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));

process.once('SIGTERM', () => process.exit());
