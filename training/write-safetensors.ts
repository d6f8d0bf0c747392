/** One tensor to write: row-major values, stored as F32. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/**
 * A safetensors file: u64 little-endian header length, JSON header padded with spaces to 8 bytes, then the tensors as
 * little-endian F32 in the order given. Metadata values are strings because the format allows nothing else.
 */
export function safetensorsBytes(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let dataBytes = 0;
  for (const tensor of tensors) {
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    if (count !== tensor.values.length) {
      throw new Error(
        `Cannot write tensor "${tensor.name}": shape [${tensor.shape.join(', ')}] needs ${count} values, ` +
          `got ${tensor.values.length}`,
      );
    }
    const endBytes = dataBytes + count * 4;
    header[tensor.name] = { dtype: 'F32', shape: tensor.shape, data_offsets: [dataBytes, endBytes] };
    dataBytes = endBytes;
  }

  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + dataBytes).fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  let at = 8 + headerBytes;
  for (const tensor of tensors) {
    for (let index = 0; index < tensor.values.length; index += 1) {
      view.setFloat32(at, tensor.values[index] as number, true);
      at += 4;
    }
  }
  return file;
}
