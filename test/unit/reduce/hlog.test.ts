import fc from 'fast-check';
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, HistogramLogReader } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { histogram, hlogHead, hlogInterval } from '../../../src/reduce/histogram.js';

const durationsUs = fc.array(fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 3_600_000_000 })), {
  minLength: 1,
  maxLength: 200,
});

function filled(values: readonly number[]) {
  const of = histogram();
  for (const us of values) {
    of.record(us);
  }
  return of;
}

/** The library on its own, as the oracle of what we record beside it. */
function libraryOwn(values: readonly number[]) {
  const own = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    autoResize: false,
  });
  for (const us of values) {
    own.recordValue(us);
  }
  return own;
}

describe('the object for other HDR tools', () => {
  it('is what the library itself would have recorded', () => {
    fc.assert(
      fc.property(durationsUs, (values) => {
        const { hdr } = filled(values);
        const own = libraryOwn(values);
        expect(encodeIntoCompressedBase64(hdr)).toBe(encodeIntoCompressedBase64(own));
        expect([hdr.totalCount, hdr.maxValue]).toEqual([own.totalCount, own.maxValue]);
        // Where all are 0 the library has no one word for none: its largest integer, or after decoding its largest double.
        const decoded = decodeFromCompressedBase64(encodeIntoCompressedBase64(own)).minNonZeroValue;
        expect(hdr.minNonZeroValue).toBe(Math.min(decoded, Number.MAX_SAFE_INTEGER));
      }),
      { numRuns: 200 },
    );
  });

  it('stays so at every border of two buckets', () => {
    const borders = Array.from({ length: 22 }, (_, power) => 2048 * 2 ** power).filter((us) => us < 3_600_000_000);
    const values = borders.flatMap((us) => [us - 1, us, us + 1, Math.floor(us * 1.5)]);
    expect(encodeIntoCompressedBase64(filled(values).hdr)).toBe(encodeIntoCompressedBase64(libraryOwn(values)));
  });

  it('stays so through merging, packing and reuse', () => {
    fc.assert(
      fc.property(durationsUs, durationsUs, (first, second) => {
        const of = filled([9, 99]);
        of.reset();
        of.add(filled(first));
        of.addPacked(filled(second).pack());
        expect(encodeIntoCompressedBase64(of.hdr)).toBe(encodeIntoCompressedBase64(libraryOwn([...first, ...second])));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a log', () => {
  it('says version, unit and start, and has the usual columns', () => {
    const lines = hlogHead(1_700_000_000).split('\n');
    expect(lines[0]).toBe('#[Histogram log format version 1.3]');
    expect(lines[1]).toContain('microseconds');
    expect(lines[2]).toMatch(/^#\[StartTime: 1700000000\.000 \(seconds since epoch\)/);
    expect(lines.at(-2)).toBe('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"');
  });

  it('comes back from the library’s reader with the same content', () => {
    fc.assert(
      fc.property(durationsUs, durationsUs, (first, second) => {
        const parts = [filled(first), filled(second)];
        const log = parts
          .map((part, index) => hlogInterval(part, 1_700_000_000 + index, 1_700_000_001 + index))
          .join('');
        const reader = new HistogramLogReader(hlogHead(1_700_000_000) + log);
        for (const [index, part] of parts.entries()) {
          const back = reader.nextIntervalHistogram();
          expect(back?.totalCount).toBe(part.count);
          expect(back?.startTimeStampMsec).toBe((1_700_000_000 + index) * 1000);
          expect(encodeIntoCompressedBase64(back as never)).toBe(encodeIntoCompressedBase64(part.hdr));
        }
        expect(reader.nextIntervalHistogram()).toBeNull();
      }),
      { numRuns: 30 },
    );
  });

  it('shows the exact maximum in milliseconds', () => {
    expect(hlogInterval(filled([1, 100_000]), 5, 6)).toMatch(/^5\.000,1\.000,100\.000,HISTFAAAA/);
  });
});
