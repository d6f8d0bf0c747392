/** One input of a model. */
export type Item = (
  | { readonly kind: 'text'; readonly text: string }
  /** One example without the batch dimension, such as `[784] float32` for a flattened image. */
  | ({ readonly kind: 'tensor' } & Tensor)
  /** The same for a model of several inputs, or of one whose name is known: the tensors by the names of the inputs. */
  | { readonly kind: 'tensors'; readonly inputs: Readonly<Record<string, Tensor>> }
  /** A row of several named values: texts from CSV, any JSON values from JSONL. */
  | { readonly kind: 'row'; readonly columns: Readonly<Record<string, unknown>> }
  /** A file as it is, such as an encoded image. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
) & { readonly expected?: Expected };

/** Values of one datatype in a shape. */
export interface Tensor {
  /** FP32 when absent. */
  readonly datatype?: Datatype;
  readonly shape: readonly number[];
  readonly values: TensorValues;
}

/** Element types by the names of the Open Inference Protocol; BF16 is Triton's addition. */
export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'BF16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/**
 * Row-major values: the typed array of the datatype's name, Uint8Array of 0 and 1 for BOOL, Float32Array for FP16 and
 * BF16 (which are rounded when they are encoded), one Buffer per element for BYTES.
 */
export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly Buffer[];

/** An input of a model as its server describes it. */
export interface InputSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** With the batch dimension first; −1 = any size. */
  readonly shape: readonly number[];
}

/** The right answer to an item: its label alone, or its values. */
export type Expected = { readonly label: string } | { readonly values: unknown };

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
