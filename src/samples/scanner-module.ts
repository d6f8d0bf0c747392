import { readFileSync } from 'node:fs';
import { errorCode } from '../errors.js';

/** Built from `assembly/rows.ts`. The same address from the sources and from what was built. */
const MODULE = new URL('../../dist/samples/rows.wasm', import.meta.url);
const PAGE_BYTES = 65_536;

/** What `assembly/rows.ts` exports. Addresses are bytes of the memory. */
export interface ScannerExports {
  /** Rows that the last scan took, and those of them that lie in the late list. */
  readonly rows: { readonly value: number };
  readonly lateRows: { readonly value: number };
  layOut(
    figuresAt: number,
    countsAt: number,
    lateAt: number,
    places: number,
    buckets: number,
    lateRoom: number,
    mostOfPlace: number,
  ): void;
  scan(
    from: number,
    to: number,
    unitsPerS: number,
    byEnd: boolean,
    outcome: boolean,
    countsOnly: boolean,
    earliestS: number,
    latestS: number,
  ): number;
}

/** The scanner in WebAssembly with a memory of its own. */
export interface ScannerModule extends ScannerExports {
  readonly memory: ArrayBuffer;
}

/** The part of the global object that is used: TypeScript has it among the types of browsers only. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** The scanner with a memory of at least so many bytes; undefined where it was not built or the processor has no SIMD. */
export function loadScanner(memoryBytes: number): ScannerModule | undefined {
  const bytes = builtModule();
  if (bytes === undefined || !WebAssembly.validate(bytes)) {
    return undefined;
  }
  const pages = Math.ceil(memoryBytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  const { rows, lateRows, layOut, scan } = exports as unknown as ScannerExports;
  return { rows, lateRows, layOut, scan, memory: memory.buffer };
}

function builtModule(): Uint8Array | undefined {
  try {
    return readFileSync(MODULE);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
