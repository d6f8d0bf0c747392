/** One input of a model. */
export type Item =
  | { readonly kind: 'text'; readonly text: string }
  /** One example without the batch dimension, such as `[784] float32` for a flattened image. */
  | { readonly kind: 'tensor'; readonly shape: readonly number[]; readonly values: Float32Array }
  /** A row of several named values: texts from CSV, any JSON values from JSONL. */
  | { readonly kind: 'row'; readonly columns: Readonly<Record<string, unknown>> }
  /** A file as it is, such as an encoded image. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** Indexable inputs; the caller owns the random index. */
export interface Dataset {
  readonly name: string;
  readonly size: number;
  /** The item at a whole `index` in [0, size); the same one each time. */
  at(index: number): Item;
}

/** What of a dataset with columns makes its items. */
export interface Selection {
  /** One gives texts, several give rows of these; none leaves it to the file and to what is wanted. */
  readonly columns: readonly string[];
  /** What the protocol takes. */
  readonly wanted: Item['kind'];
}

/** A kind of dataset file. */
export interface DatasetKind {
  readonly summary: string;
  /** Its items come from named columns, which a user can select. */
  readonly hasColumns?: true;
  /** Whether a file is of this kind, by its name and its first bytes (after gunzip). */
  recognises(file: DatasetFile): boolean;
  /** Throws BenchError('usage') that names the file on what it cannot use. */
  read(file: DatasetFile, selection: Selection): Dataset;
}

/** A file read whole, gunzipped where it was compressed; or a directory. */
export interface DatasetFile {
  /** As the user gave it, for messages. */
  readonly path: string;
  /** Empty for a directory. */
  readonly bytes: Buffer;
  /** Where it lies, when it is a directory. */
  readonly directory?: string;
}
