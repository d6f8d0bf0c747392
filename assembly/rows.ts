/**
 * The quick way for plain rows of requests, in AssemblyScript: `start,end,latency` or `start,end,latency,ok` in whole
 * numbers, counted straight into the flat counts of their seconds. It takes only what it is sure of and stops before
 * anything else; `src/reduce/quick-rows.ts` lays out the memory and gives what is left to the readers in JavaScript.
 */

/** Numbers of an open second in `figures`, and their places: those of `src/reduce/open-seconds.ts`. */
const FIGURE_BYTES: usize = 64;
const SECOND: usize = 0;
const COUNT: usize = 8;
const SUM_US: usize = 16;
const MIN_US: usize = 24;
const MAX_US: usize = 32;

const HIGHEST_US: i64 = 3_600_000_000;
const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_991;

const COMMA: u8 = 44;
const LF: u8 = 10;
const CR: u8 = 13;
/** `,ok` and a line feed, or the beginning of CR LF, as little-endian words. */
const OK_LF: u32 = 0x0a6b6f2c;
const OK_CR: u32 = 0x0d6b6f2c;

/** Rows that the last call of `scan` took. */
export let rows: i32 = 0;
/** Among them, those of seconds that are not open: pairs of second and duration in µs. */
export let lateRows: i32 = 0;

let figures: usize = 0;
let counts: usize = 0;
let late: usize = 0;
let placeMask: i32 = 0;
let buckets: i32 = 0;
let lateCapacity: i32 = 0;
let mostOpen: f64 = 0;

/** Where things are in memory, in bytes, and how many. */
export function layOut(
  figuresAt: usize,
  countsAt: usize,
  lateAt: usize,
  places: i32,
  bucketsOfPlace: i32,
  lateRoom: i32,
  mostOfPlace: f64,
): void {
  figures = figuresAt;
  counts = countsAt;
  late = lateAt;
  placeMask = places - 1;
  buckets = bucketsOfPlace;
  lateCapacity = lateRoom;
  mostOpen = mostOfPlace;
}

/**
 * Takes rows of [from, to), where a line feed stands before `to` and 64 bytes after it can be read, and returns the
 * address after the last one taken. `earliest` to `latest` are the seconds that late rows may lie in.
 */
export function scan(
  from: usize,
  to: usize,
  unitsPerS: f64,
  byEnd: bool,
  outcome: bool,
  countsOnly: bool,
  earliest: f64,
  latest: f64,
): usize {
  const units = i64(unitsPerS);
  // Exact for the usual units; others round as JavaScript does.
  const usPerUnit: i64 = 1_000_000 % units == 0 ? 1_000_000 / units : 0;
  const most: i64 = usPerUnit > 0 ? HIGHEST_US / usPerUnit : MAX_SAFE_INTEGER;
  const first = i64(earliest);
  const last = i64(latest);
  let at = from;
  let taken = 0;
  let lates = 0;

  // What is counted in the current second, [low, high) in units of the file, on top of what its figures hold.
  let low: i64 = 0;
  let high: i64 = 0;
  let place: usize = 0;
  let flat: usize = 0;
  let count = 0;
  let sum: i64 = 0;
  let min: i64 = 0;
  let max: i64 = 0;

  while (at < to) {
    const ends =
      u64(nonDigits(at)) | (u64(nonDigits(at + 16)) << 16) | (u64(nonDigits(at + 32)) << 32) | (u64(nonDigits(at + 48)) << 48);
    const startEnd = i32(ctz(ends));
    const rest = ends & (ends - 1);
    const endEnd = i32(ctz(rest));
    const rest2 = rest & (rest - 1);
    if (rest2 == 0) {
      break;
    }
    const latencyEnd = i32(ctz(rest2));
    const endDigits = endEnd - startEnd - 1;
    const latencyDigits = latencyEnd - endEnd - 1;
    // As unsigned numbers one comparison finds both none and too many.
    if (u32(startEnd - 1) > 15 || u32(endDigits - 1) > 15 || u32(latencyDigits - 1) > 15) {
      break;
    }
    if (load<u8>(at + startEnd) != COMMA || load<u8>(at + endEnd) != COMMA) {
      break;
    }
    let next = at + latencyEnd;
    if (outcome) {
      const word = load<u32>(next);
      if (word == OK_LF) {
        next += 4;
      } else if (word == OK_CR && load<u8>(next + 4) == LF) {
        next += 5;
      } else {
        break;
      }
    } else {
      const byte = load<u8>(next);
      if (byte == LF) {
        next += 1;
      } else if (byte == CR && load<u8>(next + 1) == LF) {
        next += 2;
      } else {
        break;
      }
    }

    const start = number(at + startEnd, startEnd);
    const end = number(at + endEnd, endDigits);
    const latency = number(at + latencyEnd, latencyDigits);
    if (end < start || end > MAX_SAFE_INTEGER || latency > most) {
      break;
    }
    let us: i64;
    if (usPerUnit > 0) {
      us = latency * usPerUnit;
    } else {
      const exact = (f64(latency) * 1_000_000) / unitsPerS;
      us = i64(exact);
      if (exact - f64(us) >= 0.5) {
        us++;
      }
      if (us > HIGHEST_US) {
        break;
      }
    }

    const time = byEnd ? end : start;
    if (time < low || time >= high) {
      const second = time / units;
      const itsPlace = figures + usize(i32(second) & placeMask) * FIGURE_BYTES;
      if (load<f64>(itsPlace, SECOND) != f64(second)) {
        if (second > last || second < first || lates == lateCapacity) {
          break;
        }
        const row = late + (usize(lates) << 4);
        store<f64>(row, f64(second));
        store<f64>(row, f64(us), 8);
        lates++;
        taken++;
        at = next;
        continue;
      }
      if (load<f64>(itsPlace, COUNT) >= mostOpen) {
        break;
      }
      if (count > 0) {
        addFigures(place, count, sum, min, max);
      }
      place = itsPlace;
      flat = counts + usize(i32(second) & placeMask) * usize(buckets) * 4;
      low = second * units;
      high = low + units;
      count = 0;
      sum = 0;
      min = HIGHEST_US;
      max = 0;
    }
    count++;
    if (!countsOnly) {
      sum += us;
      if (us < min) {
        min = us;
      }
      if (us > max) {
        max = us;
      }
      const counter = flat + usize(bucketOf(u32(us))) * 4;
      store<u32>(counter, load<u32>(counter) + 1);
    }
    taken++;
    at = next;
  }
  if (count > 0) {
    addFigures(place, count, sum, min, max);
  }
  rows = taken;
  lateRows = lates;
  return at;
}

function addFigures(place: usize, count: i32, sum: i64, min: i64, max: i64): void {
  store<f64>(place, load<f64>(place, COUNT) + f64(count), COUNT);
  store<f64>(place, load<f64>(place, SUM_US) + f64(sum), SUM_US);
  store<f64>(place, Math.min(load<f64>(place, MIN_US), f64(min)), MIN_US);
  store<f64>(place, Math.max(load<f64>(place, MAX_US), f64(max)), MAX_US);
}

/** HdrHistogram's index at 3 digits, as in `src/reduce/buckets.ts`. */
// @ts-expect-error: decorator
@inline
function bucketOf(value: u32): u32 {
  const shift = max<i32>(0, 21 - i32(clz(value)));
  return (u32(shift) << 10) + (value >> u32(shift));
}

/** A bit for each of 16 bytes that is no digit. */
// @ts-expect-error: decorator
@inline
function nonDigits(at: usize): i32 {
  return i8x16.bitmask(i8x16.gt_u(i8x16.sub(v128.load(at), i8x16.splat(48)), i8x16.splat(9)));
}

/** The number of 1 to 16 digits that end before an address: neighbours are joined to numbers of 2, 4 and 8 digits. */
// @ts-expect-error: decorator
@inline
function number(end: usize, digits: i32): i64 {
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const ours = i8x16.ge_u(lanes, i8x16.splat(i8(16 - digits)));
  const bytes = v128.and(i8x16.sub(v128.load(end - 16), i8x16.splat(48)), ours);
  // 256 · second + first, times 2561, has 10 · first + second in its upper byte.
  const twos = i16x8.shr_u(i16x8.mul(bytes, i16x8.splat(2561)), 8);
  const fours = i32x4.dot_i16x8_s(twos, i16x8(100, 1, 100, 1, 100, 1, 100, 1));
  const eights = i32x4.dot_i16x8_s(
    i16x8.narrow_i32x4_s(fours, fours),
    i16x8(10000, 1, 10000, 1, 10000, 1, 10000, 1),
  );
  return i64(i32x4.extract_lane(eights, 0)) * 100_000_000 + i64(i32x4.extract_lane(eights, 1));
}
