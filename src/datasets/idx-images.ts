import { BenchError } from '../errors.js';
import type { DatasetKind } from './dataset.js';

/** Magic number of an IDX file of unsigned bytes in three dimensions. Source: the MNIST file format. */
const IDX_UINT8_3D = 0x00000803;
const HEADER_BYTES = 16;
const WHITE = 255;

/** Images of an IDX file such as MNIST's, each `[rows * columns] float32` scaled to 0..1. */
export const idxImages: DatasetKind = {
  summary: 'IDX images, as MNIST has them',
  recognises: ({ path, bytes }) =>
    /idx3-ubyte(\.gz)?$/i.test(path) || (bytes.length >= 4 && bytes.readUInt32BE(0) === IDX_UINT8_3D),
  read({ path, bytes }) {
    if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(0) !== IDX_UINT8_3D) {
      throw new BenchError('usage', 'Not an IDX file of images: wanted the magic number 0x00000803', { path });
    }
    const size = bytes.readUInt32BE(4);
    const pixels = bytes.readUInt32BE(8) * bytes.readUInt32BE(12);
    if (size === 0 || pixels === 0) {
      throw new BenchError('usage', 'No images', { path });
    }
    if (bytes.length !== HEADER_BYTES + size * pixels) {
      throw new BenchError(
        'usage',
        `Got ${bytes.length} bytes, wanted ${HEADER_BYTES + size * pixels} for ${size} images of ${pixels} pixels`,
        { path },
      );
    }
    return {
      name: path,
      size,
      at(index) {
        const start = HEADER_BYTES + index * pixels;
        const values = Float32Array.from(bytes.subarray(start, start + pixels), (value) => value / WHITE);
        return { kind: 'tensor', shape: [pixels], values };
      },
    };
  },
};
