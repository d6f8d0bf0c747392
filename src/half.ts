/** The floats of 16 bits, which JavaScript has no type of yet: IEEE 754 binary16 and bfloat16. */
const FLOAT = new Float32Array(1);
const FLOAT_BITS = new Uint32Array(FLOAT.buffer);

function floatBits(value: number): number {
  FLOAT[0] = value;
  return FLOAT_BITS[0] as number;
}

/** Shifts right by `places`, rounded to the nearest, ties to the even one, as IEEE 754 asks. */
function roundedShift(value: number, places: number): number {
  const rest = value & ((1 << places) - 1);
  const half = 1 << (places - 1);
  const floor = value >>> places;
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

/** IEEE 754 binary16 of a float32: 1 sign, 5 exponent (bias 15), 10 mantissa bits. */
export function halfBits(value: number): number {
  const bits = floatBits(value);
  const sign = (bits >>> 16) & 0x8000;
  const mantissa = bits & 0x7fffff;
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  if (exponent === 255 - 127 + 15) {
    return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  }
  if (exponent >= 31) {
    return sign | 0x7c00;
  }
  if (exponent <= 0) {
    // Below the smallest normal half: the hidden bit becomes a digit, and less than half of the last one is 0.
    return exponent < -10 ? sign : sign | roundedShift(mantissa | 0x800000, 14 - exponent);
  }
  // A carry out of the mantissa is right in the exponent, up to infinity.
  return sign | roundedShift((exponent << 23) | mantissa, 13);
}

/** The value of 16 bits of IEEE 754 binary16. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) {
    return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 of a float32: its upper half, rounded. */
export function brainBits(value: number): number {
  return Number.isNaN(value) ? 0x7fc0 : roundedShift(floatBits(value), 16);
}

/** The value of 16 bits of bfloat16. */
export function brainValue(bits: number): number {
  FLOAT_BITS[0] = bits << 16;
  return FLOAT[0] as number;
}
