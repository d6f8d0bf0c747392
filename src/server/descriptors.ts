import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf, {
  type Enum,
  type Field,
  type MapField,
  type OneOf,
  type Root,
  type Service,
  type Type,
} from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';

/** A .proto file as server reflection gives it. */
export interface FileDescriptor {
  readonly name: string;
  readonly imports: readonly string[];
  /** Full names of all that it defines: messages, enums, services, methods and fields. */
  readonly symbols: readonly string[];
  /** The serialised FileDescriptorProto. */
  readonly bytes: Buffer;
}

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));

/** FieldDescriptorProto.Type by the words of the language. */
const SCALARS: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};
const MESSAGE = 11;
const ENUM = 14;
const OPTIONAL = 1;
const REPEATED = 3;

/**
 * Descriptors of .proto files of the package and all that they import, as protoc makes them. Those that protobufjs makes
 * know no imports, and cannot name the types of maps. Takes what the package's files use: proto3 without extensions.
 */
export function fileDescriptors(files: readonly string[]): readonly FileDescriptor[] {
  const all = new protobuf.Root();
  const parts = new Map<string, { readonly imports: readonly string[]; readonly own: Root }>();
  const add = (name: string): void => {
    if (parts.has(name)) {
      return;
    }
    const own = new protobuf.Root();
    const bundled = protobuf.common.get(name);
    if (bundled) {
      own.addJSON(bundled.nested ?? {});
      all.addJSON(bundled.nested ?? {});
    }
    const source = bundled ? '' : readFileSync(join(PROTOS, name), 'utf8');
    const { imports = [] } = protobuf.parse(source, own, { keepCase: true });
    protobuf.parse(source, all, { keepCase: true });
    parts.set(name, { imports, own });
    imports.forEach(add);
  };
  files.forEach(add);
  all.resolveAll();
  return [...parts].map(([name, { imports, own }]) => {
    const symbols: string[] = [];
    const tops = topLevel(own).map(({ fullName }) => all.lookup(fullName.slice(1)) as Defined);
    const file = {
      name,
      package: tops[0]?.parent?.fullName.slice(1) ?? '',
      dependency: imports,
      messageType: tops.filter((each) => each instanceof protobuf.Type).map((type) => messageOf(type, symbols)),
      enumType: tops.filter((each) => each instanceof protobuf.Enum).map((type) => enumOf(type, symbols)),
      service: tops.filter((each) => each instanceof protobuf.Service).map((service) => serviceOf(service, symbols)),
      syntax: 'proto3',
    };
    const { FileDescriptorProto } = descriptor;
    return {
      name,
      imports,
      symbols,
      bytes: Buffer.from(FileDescriptorProto.encode(FileDescriptorProto.create(file)).finish()),
    };
  });
}

type Defined = Type | Enum | Service;

/** What a file defines, inside of its package. */
function topLevel(root: Root): readonly Defined[] {
  const inside = (objects: readonly protobuf.ReflectionObject[]): readonly Defined[] =>
    objects.flatMap((each) => {
      if (each instanceof protobuf.Type || each instanceof protobuf.Enum || each instanceof protobuf.Service) {
        return [each];
      }
      return each instanceof protobuf.Namespace ? inside(each.nestedArray) : [];
    });
  return inside(root.nestedArray);
}

function messageOf(type: Type, symbols: string[]): object {
  symbols.push(nameOf(type), ...type.fieldsArray.map(nameOf));
  // What `optional` makes of a field stands behind what the file says itself.
  const oneofs = [...type.oneofsArray].sort((a, b) => Number(isOptional(a)) - Number(isOptional(b)));
  return {
    name: type.name,
    field: type.fieldsArray.map((field) => fieldOf(field, oneofs)),
    nestedType: [
      ...type.fieldsArray.filter(({ map }) => map).map(entryOf),
      ...type.nestedArray.filter((each) => each instanceof protobuf.Type).map((each) => messageOf(each, symbols)),
    ],
    enumType: type.nestedArray.filter((each) => each instanceof protobuf.Enum).map((each) => enumOf(each, symbols)),
    oneofDecl: oneofs.map(({ name }) => ({ name })),
    reservedRange: (type.reserved ?? [])
      .filter((range) => typeof range !== 'string')
      .map(([start = 0, last = 0]) => ({ start, end: last + 1 })),
  };
}

function fieldOf(field: Field, oneofs: readonly OneOf[]): object {
  const { map } = field;
  return {
    name: field.name,
    number: field.id,
    label: map || field.repeated ? REPEATED : OPTIONAL,
    ...(map ? { type: MESSAGE, typeName: `${field.parent?.fullName}.${entryName(field)}` } : typeOf(field)),
    jsonName: camelCase(field.name),
    ...(field.options?.deprecated && { options: { deprecated: true } }),
    ...(field.partOf && { oneofIndex: oneofs.indexOf(field.partOf) }),
    ...(field.partOf && isOptional(field.partOf) && { proto3Optional: true }),
  };
}

/** The type of a field, of a map that of its values. */
function typeOf({ type, resolvedType }: Field): object {
  if (resolvedType === null) {
    return { type: SCALARS[type] };
  }
  return { type: resolvedType instanceof protobuf.Enum ? ENUM : MESSAGE, typeName: resolvedType.fullName };
}

function entryOf(field: Field): object {
  const part = (name: string, number: number) => ({ name, number, label: OPTIONAL, jsonName: name });
  return {
    name: entryName(field),
    field: [
      // A field that is a map is a MapField, whose types do not say that it is a Field.
      { ...part('key', 1), type: SCALARS[(field as unknown as MapField).keyType] },
      { ...part('value', 2), ...typeOf(field) },
    ],
    options: { mapEntry: true },
  };
}

function entryName({ name }: Field): string {
  const camel = camelCase(name);
  return `${camel.slice(0, 1).toUpperCase()}${camel.slice(1)}Entry`;
}

function enumOf(type: Enum, symbols: string[]): object {
  symbols.push(nameOf(type));
  return { name: type.name, value: Object.entries(type.values).map(([name, number]) => ({ name, number })) };
}

function serviceOf(service: Service, symbols: string[]): object {
  symbols.push(nameOf(service), ...service.methodsArray.map(nameOf));
  return {
    name: service.name,
    method: service.methodsArray.map((method) => ({
      name: method.name,
      inputType: method.resolvedRequestType?.fullName,
      outputType: method.resolvedResponseType?.fullName,
      ...(method.requestStream && { clientStreaming: true }),
      ...(method.responseStream && { serverStreaming: true }),
    })),
  };
}

/** Whether a oneof is what the parser makes of an `optional` field. */
function isOptional({ oneof, fieldsArray }: OneOf): boolean {
  return oneof.length === 1 && fieldsArray[0]?.options?.proto3_optional === true;
}

/** Without the dot in front. */
function nameOf({ fullName }: { readonly fullName: string }): string {
  return fullName.slice(1);
}

function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}
