import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { DIGIT_STYLES, type Point, type Stroke } from './digit-strokes.js';
import { sineAndCosine } from './portable-math.js';
import { type Random, seededRandom } from './random.js';
import { isStartedScript } from './run-directly.js';

/** Labelled images of digits. */
export interface Digits {
  /** `[count, 28, 28]` uint8 row-major; 0 is paper, 255 is ink. */
  readonly pixels: Uint8Array;
  /** `[count]` uint8, 0..9. */
  readonly labels: Uint8Array;
  readonly count: number;
}

/** Images in the files. */
export const DIGIT_COUNT = 2000;

/** The first images train the model; the rest is held out. */
export const TRAINING_DIGIT_COUNT = 1600;

const SEED = 19_991_231;
const SIDE = 28;
const PIXELS = SIDE * SIDE;
/** MNIST's digits fill a box of 20 x 20 pixels in the middle; ours are as large on average. */
const BOX_WIDTH = 15;
const BOX_HEIGHT = 20;
const CURVE_STEPS = 6;
const PEN_EDGE = 0.65;
const BLUR = 0.08;
/** Fainter than this becomes paper, which keeps about four fifths of an image exactly 0. */
const PAPER_BELOW = 10;

/** The digits in file order, always the same: every class equally often, shuffled. */
export function makeDigits(): Digits {
  const random = seededRandom(SEED);
  const labels = Uint8Array.from(random.shuffled(Array.from({ length: DIGIT_COUNT }, (_, index) => index % 10)));
  const pixels = new Uint8Array(DIGIT_COUNT * PIXELS);
  labels.forEach((label, index) => {
    pixels.set(drawDigit(random, label), index * PIXELS);
  });
  return { pixels, labels, count: DIGIT_COUNT };
}

/** The images in MNIST's IDX format: magic 0x00000803, count, rows, columns (big-endian uint32), then uint8 pixels. */
export function digitImagesIdx({ pixels, count }: Digits): Uint8Array {
  return idx([0x00000803, count, SIDE, SIDE], pixels);
}

/** The labels in MNIST's IDX format: magic 0x00000801, count (both big-endian uint32), then uint8 labels. */
export function digitLabelsIdx({ labels, count }: Digits): Uint8Array {
  return idx([0x00000801, count], labels);
}

function idx(header: readonly number[], data: Uint8Array): Uint8Array {
  const file = new Uint8Array(header.length * 4 + data.length);
  const view = new DataView(file.buffer);
  header.forEach((value, index) => {
    view.setUint32(index * 4, value);
  });
  file.set(data, header.length * 4);
  return file;
}

function drawDigit(random: Random, digit: number): Uint8Array {
  const style = random.pick(DIGIT_STYLES[digit] as (typeof DIGIT_STYLES)[number]);
  const place = placement(random);
  const paths = style.map((stroke) => path(stroke, random).map(place));
  const penRadius = random.between(0.75, 1.6);
  const pressure = random.between(0.8, 1.15);

  const ink = new Float64Array(PIXELS);
  for (const points of paths) {
    for (let at = 1; at < points.length; at += 1) {
      drawSegment(ink, { from: points[at - 1] as Point, to: points[at] as Point, penRadius });
    }
  }
  return develop(blurred(ink), { random, pressure });
}

/** Jittered control points, then the points of the drawn line, still in the glyph box. */
function path({ kind, points }: Stroke, random: Random): readonly Point[] {
  const jittered = points.map(([x, y]): Point => [x + random.normal() * 0.028, y + random.normal() * 0.028]);
  if (kind === 'lines') return jittered;

  const drawn: Point[] = [];
  for (let at = 0; at + 1 < jittered.length; at += 1) {
    const start = jittered[at] as Point;
    const end = jittered[at + 1] as Point;
    const before = jittered[at - 1] ?? start;
    const after = jittered[at + 2] ?? end;
    for (let step = at === 0 ? 0 : 1; step <= CURVE_STEPS; step += 1) {
      const share = step / CURVE_STEPS;
      drawn.push([
        catmullRom([before[0], start[0], end[0], after[0]], share),
        catmullRom([before[1], start[1], end[1], after[1]], share),
      ]);
    }
  }
  return drawn;
}

/** Catmull-Rom spline between the second and the third value at `share` 0..1 of the way. */
function catmullRom([a, b, c, d]: readonly [number, number, number, number], share: number): number {
  const bend = 2 * a - 5 * b + 4 * c - d;
  const twist = 3 * b - a - 3 * c + d;
  return b + 0.5 * share * (c - a + share * (bend + share * twist));
}

/** A map from the glyph box to pixels: bend, shear, rotation, scale and a shift of up to some pixels. */
function placement(random: Random): (point: Point) => Point {
  const { sine, cosine } = sineAndCosine(random.normal() * 0.13);
  const shear = random.normal() * 0.14 - 0.06;
  const width = BOX_WIDTH * random.between(0.72, 1.18);
  const height = BOX_HEIGHT * random.between(0.82, 1.06);
  const bendX = random.normal() * 0.12;
  const bendY = random.normal() * 0.1;
  const centerX = SIDE / 2 + random.normal() * 0.9;
  const centerY = SIDE / 2 + random.normal() * 0.9;
  return ([boxX, boxY]) => {
    const x = boxX - 0.5;
    const y = boxY - 0.5;
    const bentX = (x + bendX * (y * y - 0.1) + shear * y * -1) * width;
    const bentY = (y + bendY * (x * x - 0.1)) * height;
    return [centerX + bentX * cosine - bentY * sine, centerY + bentX * sine + bentY * cosine];
  };
}

interface Segment {
  readonly from: Point;
  readonly to: Point;
  /** Half the width of the line, in pixels. */
  readonly penRadius: number;
}

/** Darkens each pixel to the coverage of a round pen at its center, with a soft edge. */
function drawSegment(ink: Float64Array, { from, to, penRadius }: Segment): void {
  const reach = penRadius + PEN_EDGE;
  const [fromX, fromY] = from;
  const alongX = to[0] - fromX;
  const alongY = to[1] - fromY;
  const square = alongX * alongX + alongY * alongY;
  const firstRow = Math.max(0, Math.floor(Math.min(fromY, to[1]) - reach));
  const lastRow = Math.min(SIDE - 1, Math.ceil(Math.max(fromY, to[1]) + reach));
  const firstColumn = Math.max(0, Math.floor(Math.min(fromX, to[0]) - reach));
  const lastColumn = Math.min(SIDE - 1, Math.ceil(Math.max(fromX, to[0]) + reach));

  for (let row = firstRow; row <= lastRow; row += 1) {
    for (let column = firstColumn; column <= lastColumn; column += 1) {
      const x = column + 0.5 - fromX;
      const y = row + 0.5 - fromY;
      const share = square === 0 ? 0 : Math.min(1, Math.max(0, (x * alongX + y * alongY) / square));
      const awayX = x - share * alongX;
      const awayY = y - share * alongY;
      const distance = Math.sqrt(awayX * awayX + awayY * awayY);
      const coverage = Math.min(1, Math.max(0, (penRadius + PEN_EDGE - distance) / (2 * PEN_EDGE)));
      const index = row * SIDE + column;
      ink[index] = Math.max(ink[index] as number, coverage);
    }
  }
}

/** Each pixel gives a little of its ink to its four neighbors. */
function blurred(ink: Float64Array): Float64Array {
  const result = new Float64Array(PIXELS);
  const at = (row: number, column: number): number =>
    row < 0 || row >= SIDE || column < 0 || column >= SIDE ? 0 : (ink[row * SIDE + column] as number);
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      const around = at(row - 1, column) + at(row + 1, column) + at(row, column - 1) + at(row, column + 1);
      result[row * SIDE + column] = (1 - 4 * BLUR) * at(row, column) + BLUR * around;
    }
  }
  return result;
}

/** Ink 0..1 to uint8, with grain where there is ink. */
function develop(
  ink: Float64Array,
  { random, pressure }: { readonly random: Random; readonly pressure: number },
): Uint8Array {
  return Uint8Array.from(ink, (amount) => {
    if (amount === 0) return 0;
    const level = Math.round(255 * amount * pressure + random.normal() * 9);
    return level < PAPER_BELOW ? 0 : Math.min(255, level);
  });
}

if (isStartedScript(import.meta.url)) {
  const digits = makeDigits();
  const files = {
    'digits-images.idx3-ubyte.gz': digitImagesIdx(digits),
    'digits-labels.idx1-ubyte.gz': digitLabelsIdx(digits),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const packed = gzipSync(bytes, { level: 9 });
    writeFileSync(new URL(`../datasets/${name}`, import.meta.url), packed);
    console.log(`datasets/${name}: ${digits.count} digits, ${packed.length} bytes (${bytes.length} unpacked)`);
  }
}
