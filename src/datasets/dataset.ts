/** One input of a model. */
export type Item =
  | { readonly kind: 'text'; readonly text: string }
  /** One example without the batch dimension, such as `[784] float32` for a flattened image. */
  | { readonly kind: 'tensor'; readonly shape: readonly number[]; readonly values: Float32Array }
  /** Named values, as a line of a file has them: what placeholders are filled from. */
  | { readonly kind: 'row'; readonly columns: Readonly<Record<string, unknown>> };

/** Indexable inputs; the caller owns the random index. */
export interface Dataset {
  readonly name: string;
  readonly size: number;
  /** The item at a whole `index` in [0, size); the same one each time. */
  at(index: number): Item;
}

/** A kind of dataset file. */
export interface DatasetKind {
  readonly summary: string;
  /** Whether a file is of this kind, by its name and its first bytes (after gunzip). */
  recognises(file: DatasetFile): boolean;
  /** Throws BenchError('usage') that names the file on what it cannot use. */
  read(file: DatasetFile): Dataset;
}

/** A file read whole, gunzipped where it was compressed. */
export interface DatasetFile {
  /** As the user gave it, for messages. */
  readonly path: string;
  readonly bytes: Buffer;
}
