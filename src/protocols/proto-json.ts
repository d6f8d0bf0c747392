import { nearest } from '../flags.js';
import { shown } from './json.js';
import type { Step } from './json-path.js';
import type { EnumType, MessageField, MessageType } from './proto-files.js';

/**
 * JSON as protobuf maps it: names of fields as in the .proto file or in lowerCamelCase, 64-bit numbers as text too, bytes
 * in base64, enums by name or number, the well-known types in their short forms. protobufjs alone drops what it does not
 * know and bends what does not fit; here either is an error. https://protobuf.dev/programming-guides/json/
 */

type Members = Readonly<Record<string, unknown>>;

/** Deeper than any message: protobuf itself reads no more levels than that. */
const MAX_DEPTH = 100;

/** Encodes JSON as a message of a type. Throws RangeError that names the place of what does not fit. */
export function encodeJson(type: MessageType, json: unknown): Buffer {
  return Buffer.from(type.encode(messageOf(type, json, ROOT)).finish());
}

/** A decoded message as JSON: fields by their names in the .proto file, those without presence also when they are not set. */
export function jsonOf(type: MessageType, message: object): unknown {
  const short = SHORT_FORMS[nameOf(type)];
  if (short) {
    return short.write(type, message);
  }
  const members: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const { name } = field;
    const value = (message as Record<string, unknown>)[name];
    if (mapOf(field)) {
      members[name] = mapJson(field, value);
    } else if (field.repeated) {
      members[name] = ((value ?? []) as readonly unknown[]).map((each) => valueJson(field, each));
    } else if (Object.hasOwn(message, name) || !(isMessage(field.resolvedType) || field.hasPresence)) {
      members[name] = valueJson(field, value);
    }
  }
  return members;
}

/**
 * A path through the JSON of a message, its members by their names in the .proto file. Throws RangeError for a field
 * that the message does not have.
 */
export function stepsInto(root: MessageType, steps: readonly Step[]): readonly Step[] {
  let place: Place | undefined = { kind: 'one', type: root };
  return steps.map((step) => {
    if (place === undefined) {
      return step;
    }
    const { kind, type }: Place = place;
    const message = kind === 'one' && isMessage(type) ? type : undefined;
    if (message && (SHORT_FORMS[nameOf(message)] || step.kind === 'every')) {
      // What is inside is the answer's own business.
      place = undefined;
      return step;
    }
    if (message && step.kind === 'member') {
      const field = fieldOf(message, step.name, { ...ROOT, step: 'the path' });
      place = placeOf(field);
      return { kind: 'member', name: field.name };
    }
    if (kind === 'one' || step.kind === (kind === 'list' ? 'member' : 'index')) {
      throw new RangeError(`it goes to ${stepText(step)} where ${placeText(place)} is`);
    }
    place = { kind: 'one', type };
    return step;
  });
}

/** What stands at a place of a message's JSON: a value, a list or a map of such; `type` of messages and enums. */
interface Place {
  readonly kind: 'one' | 'list' | 'map';
  readonly type: MessageType | EnumType | null;
}

function placeOf(field: MessageField): Place {
  const { valueField } = mapOf(field) ?? {};
  const type = (valueField ?? field).resolvedType;
  return { kind: valueField || field.map ? 'map' : field.repeated ? 'list' : 'one', type };
}

function stepText(step: Step): string {
  return step.kind === 'member' ? `"${step.name}"` : step.kind === 'index' ? `[${step.index}]` : '[*]';
}

function placeText({ kind, type }: Place): string {
  return kind === 'list'
    ? 'a list'
    : kind === 'map'
      ? 'a map'
      : isMessage(type)
        ? `the message ${nameOf(type)}`
        : 'a single value';
}

/** Where in the JSON something stands; written out only when it is wrong, since tensors have very many places. */
interface Where {
  readonly above: Where | undefined;
  readonly step: string | number;
  readonly depth: number;
}

const ROOT: Where = { above: undefined, step: '$', depth: 0 };

function below(above: Where, step: string | number): Where {
  return { above, step, depth: above.depth + 1 };
}

function textOf({ above, step }: Where): string {
  return (above ? textOf(above) : '') + (typeof step === 'number' ? `[${step}]` : step);
}

/** A message with values as protobufjs encodes them. */
function messageOf(type: MessageType, json: unknown, where: Where): object {
  if (where.depth > MAX_DEPTH) {
    throw new RangeError(`${textOf(where).slice(0, 100)}…: nested deeper than ${MAX_DEPTH} levels`);
  }
  const short = SHORT_FORMS[nameOf(type)];
  const read = short?.read(type, json, where);
  if (read !== undefined) {
    return read;
  }
  if (!isObject(json)) {
    throw wanted(where, `an object of the message ${nameOf(type)}`, json);
  }
  const message: Record<string, unknown> = {};
  const oneofs = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    const field = fieldOf(type, key, where);
    if (value === null && nameOf(field.resolvedType) !== 'google.protobuf.Value') {
      continue;
    }
    const oneof = field.partOf?.name;
    const other = oneof === undefined ? undefined : oneofs.get(oneof);
    if (Object.hasOwn(message, field.name) || other !== undefined) {
      throw new RangeError(`${textOf(where)}: got ${other ?? key} and ${key}, of which the message takes one`);
    }
    if (oneof !== undefined) {
      oneofs.set(oneof, key);
    }
    message[field.name] = fieldValue(field, value, below(where, `.${key}`));
  }
  const missing = type.fieldsArray.find((field) => field.required && !Object.hasOwn(message, field.name));
  if (missing) {
    throw new RangeError(`${textOf(where)}: the message ${nameOf(type)} needs the field "${missing.name}"`);
  }
  return message;
}

/** A field by its name or its name in JSON. */
function fieldOf(type: MessageType, key: string, where: Where): MessageField {
  const field =
    type.fieldsArray.find(({ name }) => name === key) ?? type.fieldsArray.find((each) => jsonName(each) === key);
  if (!field) {
    const names = type.fieldsArray.map(({ name }) => name);
    const near = nearest(key, names);
    const there = names.length === 0 ? 'which has none' : `which has ${names.join(', ')}`;
    throw new RangeError(
      `${textOf(where)}: no field "${key}" in the message ${nameOf(type)}, ${there}${near === undefined ? '' : ` (did you mean ${near}?)`}`,
    );
  }
  return field;
}

/** lowerCamelCase, or what the .proto file says. */
function jsonName({ name, options }: MessageField): string {
  return options?.json_name ?? name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

function fieldValue(field: MessageField, value: unknown, where: Where): unknown {
  const entry = mapOf(field);
  if (entry) {
    if (!isObject(value)) {
      throw wanted(where, 'an object, since the field is a map', value);
    }
    const entries = Object.entries(value).map(([key, each]) => {
      const inside = below(where, `[${JSON.stringify(key)}]`);
      return { key: keyValue(entry.keyType, key, inside), value: single(entry.valueField ?? field, each, inside) };
    });
    return entry.valueField ? entries : Object.fromEntries(entries.map((each) => [String(each.key), each.value]));
  }
  if (field.repeated) {
    if (!Array.isArray(value)) {
      throw wanted(where, 'a list, since the field is repeated', value);
    }
    return value.map((each, index) => single(field, each, below(where, index)));
  }
  return single(field, value, where);
}

/** The types of a map's keys and values; undefined for other fields. A descriptor has maps as lists of entries. */
function mapOf(field: MessageField): { readonly keyType: string; readonly valueField?: MessageField } | undefined {
  if (field.map) {
    return { keyType: (field as MessageField & { readonly keyType: string }).keyType };
  }
  const entry = entryOf(field);
  return entry && { keyType: entry.fieldsById[1]?.type as string, valueField: entry.fieldsById[2] as MessageField };
}

/** The type of the entries of a map that came as a descriptor. The option alone does not tell: its parent has it too. */
function entryOf({ repeated, resolvedType }: MessageField): MessageType | undefined {
  return repeated &&
    isMessage(resolvedType) &&
    resolvedType.options?.map_entry &&
    resolvedType.name.endsWith('Entry') &&
    resolvedType.fieldsArray.map(({ name, id }) => `${name}=${id}`).join() === 'key=1,value=2'
    ? resolvedType
    : undefined;
}

function keyValue(keyType: string, key: string, where: Where): unknown {
  return keyType === 'bool'
    ? scalar('bool', key === 'true' ? true : key === 'false' ? false : key, where)
    : scalar(keyType, key, where);
}

function single({ type, resolvedType }: MessageField, value: unknown, where: Where): unknown {
  if (isMessage(resolvedType)) {
    return messageOf(resolvedType, value, where);
  }
  return resolvedType ? enumValue(resolvedType, value, where) : scalar(type, value, where);
}

function enumValue(type: EnumType, value: unknown, where: Where): number {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31) {
    return value;
  }
  const number = typeof value === 'string' && Object.hasOwn(type.values, value) ? type.values[value] : undefined;
  if (number === undefined) {
    const names = Object.keys(type.values);
    const near = typeof value === 'string' ? nearest(value, names) : undefined;
    throw wanted(
      where,
      `one of ${names.slice(0, 20).join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`,
      value,
    );
  }
  return number;
}

/** The ranges of whole numbers. */
const WHOLE: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = {
  ...ranges(['int32', 'sint32', 'sfixed32'], -(2n ** 31n), 2n ** 31n - 1n),
  ...ranges(['uint32', 'fixed32'], 0n, 2n ** 32n - 1n),
  ...ranges(['int64', 'sint64', 'sfixed64'], -(2n ** 63n), 2n ** 63n - 1n),
  ...ranges(['uint64', 'fixed64'], 0n, 2n ** 64n - 1n),
};

function ranges(types: readonly string[], ...range: readonly [least: bigint, most: bigint]) {
  return Object.fromEntries(types.map((type) => [type, range]));
}

function scalar(type: string, value: unknown, where: Where): unknown {
  const range = WHOLE[type];
  if (range) {
    return whole(type, range, value, where);
  }
  switch (type) {
    case 'bool':
      if (typeof value === 'boolean') {
        return value;
      }
      break;
    case 'string':
      if (typeof value === 'string') {
        return value.toWellFormed();
      }
      break;
    case 'bytes':
      if (typeof value === 'string' && /^[\w+/-]*={0,2}$/.test(value)) {
        return Buffer.from(value, 'base64');
      }
      throw wanted(where, 'bytes in base64', value);
    default: {
      const number = typeof value === 'string' && value.trim() !== '' && !/^0x/i.test(value) ? Number(value) : value;
      if (typeof number === 'number' && (!Number.isNaN(number) || value === 'NaN')) {
        return number;
      }
    }
  }
  throw wanted(where, `a ${type}`, value);
}

function whole(type: string, [least, most]: readonly [bigint, bigint], value: unknown, where: Where): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw wanted(where, `a ${type} in quotes, since JSON numbers above 2^53 lose digits`, value);
  }
  const digits = typeof value === 'number' && Number.isInteger(value) ? String(value) : value;
  if (typeof digits !== 'string' || !/^-?\d{1,20}$/.test(digits) || BigInt(digits) < least || BigInt(digits) > most) {
    throw wanted(where, `a ${type}`, value);
  }
  return type.endsWith('64') ? digits : Number(digits);
}

function valueJson({ type, resolvedType }: MessageField, value: unknown): unknown {
  if (isMessage(resolvedType)) {
    return jsonOf(resolvedType, (value ?? {}) as object);
  }
  if (resolvedType) {
    return resolvedType.valuesById[value as number] ?? value;
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString('base64');
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? (type === 'float' ? shortFloat(value) : value) : String(value);
  }
  // 64-bit numbers are objects of their own.
  return typeof value === 'object' && value !== null ? String(value) : value;
}

/** The shortest decimal that is this float32, as protobuf prints it: 0.1, not 0.10000000149011612. */
function shortFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) {
      return short;
    }
  }
  return value;
}

/** The keys and values of a map field that was decoded. */
function entriesOf(field: MessageField, value: unknown): readonly (readonly [string, unknown])[] {
  if (field.map) {
    return Object.entries((value ?? {}) as Members);
  }
  return ((value ?? []) as readonly { readonly key?: unknown; readonly value?: unknown }[]).map((entry) => [
    String(entry.key),
    entry.value,
  ]);
}

/** How a well-known type is written in JSON. `read` gives undefined for JSON that is to be read like any message's. */
interface ShortForm {
  read(type: MessageType, json: unknown, where: Where): object | undefined;
  write(type: MessageType, message: object): unknown;
}

const WRAPPER: ShortForm = {
  read: (type, json, where) => (isObject(json) ? undefined : { value: single(byId(type, 1), json, where) }),
  write: (type, message) => valueJson(byId(type, 1), valueById(type, message, 1)),
};

const NANOS_PER_S = 1_000_000_000n;

const SHORT_FORMS: Readonly<Record<string, ShortForm>> = {
  ...Object.fromEntries(
    ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => [
      `google.protobuf.${name}Value`,
      WRAPPER,
    ]),
  ),
  'google.protobuf.Timestamp': {
    read(_type, json, where) {
      if (typeof json !== 'string') {
        return undefined;
      }
      const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(json);
      const ms = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
      if (!match || Number.isNaN(ms)) {
        throw wanted(where, 'a time such as 2026-01-31T12:00:00.5Z', json);
      }
      return { seconds: String(ms / 1_000), nanos: Number((match[2] ?? '').padEnd(9, '0')) };
    },
    write(type, message) {
      const { seconds, nanos } = secondsOf(type, message);
      return `${new Date(Number(seconds) * 1_000).toISOString().slice(0, -5)}${fraction(nanos)}Z`;
    },
  },
  'google.protobuf.Duration': {
    read(_type, json, where) {
      if (typeof json !== 'string') {
        return undefined;
      }
      const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(json);
      if (!match) {
        throw wanted(where, 'a duration in seconds such as 1.5s', json);
      }
      const sign = match[1] === '-' ? -1 : 1;
      const nanos = Number((match[3] ?? '').padEnd(9, '0'));
      return { seconds: `${match[1]}${match[2]}`, nanos: nanos === 0 ? 0 : sign * nanos };
    },
    write(type, message) {
      const { seconds, nanos } = secondsOf(type, message);
      const total = seconds * NANOS_PER_S + BigInt(nanos);
      const size = total < 0n ? -total : total;
      return `${total < 0n ? '-' : ''}${size / NANOS_PER_S}${fraction(Number(size % NANOS_PER_S))}s`;
    },
  },
  'google.protobuf.FieldMask': {
    read: (_type, json) =>
      typeof json === 'string' ? { paths: json === '' ? [] : json.split(',').map((path) => path.trim()) } : undefined,
    write: (type, message) => ((valueById(type, message, 1) ?? []) as readonly string[]).join(),
  },
  'google.protobuf.Struct': {
    read(type, json, where) {
      return isObject(json) ? { [byId(type, 1).name]: fieldValue(byId(type, 1), json, where) } : undefined;
    },
    write: (type, message) => mapJson(byId(type, 1), valueById(type, message, 1)),
  },
  'google.protobuf.ListValue': {
    read: (type, json, where) =>
      Array.isArray(json) ? { [byId(type, 1).name]: fieldValue(byId(type, 1), json, where) } : undefined,
    write: (type, message) =>
      ((valueById(type, message, 1) ?? []) as readonly unknown[]).map((each) => valueJson(byId(type, 1), each)),
  },
  'google.protobuf.Value': {
    read(type, json, where) {
      const id = valueId(json);
      return { [byId(type, id).name]: id === 1 ? 0 : single(byId(type, id), json, where) };
    },
    write(type, message) {
      const field = type.fieldsArray.find(({ name }) => Object.hasOwn(message, name));
      return field === undefined || field.id === 1 ? null : valueJson(field, valueById(type, message, field.id));
    },
  },
  'google.protobuf.Any': {
    read(type, json, where) {
      if (!isObject(json) || typeof json['@type'] !== 'string') {
        return undefined;
      }
      const { '@type': url, ...members } = json;
      const packed = anyType(type, url as string);
      if (!packed) {
        throw wanted(below(where, '["@type"]'), 'the name of a message that the definitions have', url);
      }
      const content = SHORT_FORMS[nameOf(packed)] ? members.value : members;
      return { type_url: url, value: packed.encode(messageOf(packed, content, below(where, ''))).finish() };
    },
    write(type, message) {
      const url = String(valueById(type, message, 1) ?? '');
      const bytes = valueById(type, message, 2) as Uint8Array;
      const packed = anyType(type, url);
      if (!packed) {
        return { type_url: url, value: Buffer.from(bytes).toString('base64') };
      }
      const content = jsonOf(packed, packed.decode(bytes));
      return SHORT_FORMS[nameOf(packed)] ? { '@type': url, value: content } : { '@type': url, ...(content as object) };
    },
  },
};

function anyType({ root }: MessageType, url: string): MessageType | undefined {
  const found = root.lookup(url.slice(url.lastIndexOf('/') + 1));
  return isMessage(found) ? found : undefined;
}

function mapJson(field: MessageField, value: unknown): unknown {
  const valueField = mapOf(field)?.valueField ?? field;
  return Object.fromEntries(entriesOf(field, value).map(([key, each]) => [key, valueJson(valueField, each)]));
}

/** Which field of google.protobuf.Value holds a JSON value. */
function valueId(json: unknown): number {
  if (json === null) {
    return 1;
  }
  if (Array.isArray(json)) {
    return 6;
  }
  return { number: 2, string: 3, boolean: 4 }[typeof json as 'number' | 'string' | 'boolean'] ?? 5;
}

function secondsOf(type: MessageType, message: object): { readonly seconds: bigint; readonly nanos: number } {
  return { seconds: BigInt(String(valueById(type, message, 1))), nanos: Number(valueById(type, message, 2)) };
}

/** Nanoseconds behind a point in three, six or nine digits; nothing for none. */
function fraction(nanos: number): string {
  const digits = String(nanos)
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '');
  return nanos === 0 ? '' : `.${digits}`;
}

function byId(type: MessageType, id: number): MessageField {
  return type.fieldsById[id] as MessageField;
}

function valueById(type: MessageType, message: object, id: number): unknown {
  return (message as Members)[byId(type, id).name];
}

/** The full name of a type, without the dot in front that protobufjs gives it. */
function nameOf(type: MessageType | EnumType | null): string {
  return type?.fullName.slice(1) ?? '';
}

/** Whether a type is a message and no enum. protobufjs is not loaded here, so it is known by what it has. */
function isMessage(type: unknown): type is MessageType {
  return typeof type === 'object' && type !== null && 'fieldsArray' in type;
}

function isObject(json: unknown): json is Members {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function wanted(where: Where, what: string, got: unknown): RangeError {
  return new RangeError(`${textOf(where)}: wanted ${what}, got ${shown(got)}`);
}
