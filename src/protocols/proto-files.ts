import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Method, Root, Service, Type } from 'protobufjs';
import type { IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js';
import { fileProblem, usageError } from '../errors.js';
import { nearest } from '../flags.js';
import { safeText } from '../text.js';

/** What protobufjs knows of messages, by names that do not need its module. */
export type { Enum as EnumType, Field as MessageField, Type as MessageType } from 'protobufjs';

/** Larger than any definition that people wrote. */
const MAX_PROTO_BYTES = 5 * 2 ** 20;
/** A service has so many names in a message at most. */
const MOST_NAMES = 12;

export interface ProtoFiles {
  /** Absolute. */
  readonly file: string;
  /** The folders that imports are relative to; none: the folder of the file. */
  readonly roots: readonly string[];
}

/** Message definitions that were loaded. */
export type ProtoRoot = Root;

/**
 * Loads a .proto file of the user and what it imports. Only regular files within the roots are read, and no text of a
 * file that cannot be parsed is shown. Throws BenchError('usage') that names the file, its line where there is one.
 */
export async function loadProtoFile({ file, roots }: ProtoFiles): Promise<ProtoRoot> {
  const { default: protobuf } = await import('protobufjs');
  // Registers the definitions of Google that protobufjs has and does not offer by itself.
  await import('@grpc/proto-loader');
  const root = new protobuf.Root();
  const folders = roots.length > 0 ? roots : [dirname(file)];
  const loaded = new Set<string>();

  function add(path: string, shown: string): void {
    const real = realPath(path, shown);
    if (loaded.has(real)) {
      return;
    }
    loaded.add(real);
    const source = readProto(real, shown);
    const { imports = [], weakImports = [] } = parsed(source, shown);
    for (const name of [...imports, ...weakImports]) {
      const bundled = protobuf.common.get(name);
      if (!bundled) {
        add(importedPath(name, shown, folders), name);
      } else if (!loaded.has(name)) {
        loaded.add(name);
        root.addJSON(bundled.nested ?? {});
      }
    }
  }

  function parsed(source: string, shown: string) {
    try {
      return protobuf.parse(source, root, { keepCase: true });
    } catch (error) {
      const { message } = error as Error;
      const line = /line (\d+)\)$/.exec(message)?.[1];
      // The parser quotes the word it stumbled over, which of a file that is no definition may be anything.
      throw usageError([
        line === undefined
          ? `Cannot read --proto ${shown}: ${message}`
          : `Cannot read --proto ${shown}:${line}: not in the language of .proto files (proto2, proto3, edition 2023)`,
      ]);
    }
  }

  add(file, file);
  return resolved(root, `--proto ${file}`);
}

/** Makes definitions of serialised FileDescriptorProtos, as server reflection gives them. Throws BenchError('usage'). */
export async function loadDescriptors(files: readonly Uint8Array[]): Promise<ProtoRoot> {
  const { default: protobuf } = await import('protobufjs');
  const { default: descriptor } = await import('protobufjs/ext/descriptor/index.js');
  // The second module adds this to the first, and its types do not say so.
  const { Root } = protobuf as unknown as { readonly Root: { fromDescriptor(set: object): ProtoRoot } };
  return definitions(() =>
    Root.fromDescriptor({ file: files.map((file) => descriptor.FileDescriptorProto.decode(file)) }),
  );
}

/** Reads the name and the imports of a serialised FileDescriptorProto. Throws BenchError('usage') for bytes that are none. */
export async function descriptorReader() {
  const { default: descriptor } = await import('protobufjs/ext/descriptor/index.js');
  return (bytes: Uint8Array): { readonly name: string; readonly imports: readonly string[] } =>
    definitions(() => {
      const file = descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto;
      return { name: file.name ?? '', imports: file.dependency ?? [] };
    });
}

function definitions<Made>(make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw usageError([`Cannot use the definitions that the server gave: ${safeText((error as Error).message)}`], {
      hint: '--proto FILE gives them instead',
    });
  }
}

function resolved(root: ProtoRoot, shown: string): ProtoRoot {
  try {
    root.resolveAll();
    return root;
  } catch (error) {
    throw usageError([`Cannot use ${shown}: ${(error as Error).message}`]);
  }
}

function realPath(path: string, shown: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw usageError([`Cannot read --proto ${shown}: ${fileProblem(error)}`]);
  }
}

function readProto(path: string, shown: string): string {
  const problem = (what: string) => usageError([`Cannot read --proto ${shown}: ${what}`]);
  const stat = statSync(path);
  if (!stat.isFile()) {
    throw problem('not a regular file');
  }
  if (stat.size > MAX_PROTO_BYTES) {
    throw problem(`got ${stat.size} bytes, wanted at most ${MAX_PROTO_BYTES}`);
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw problem(fileProblem(error));
  }
}

/** Where an import is, in the first root that has it. */
function importedPath(name: string, importer: string, folders: readonly string[]): string {
  const outside = () =>
    usageError(
      [
        `Cannot read --proto ${importer}: it imports ${JSON.stringify(name)}, which is outside of ${folders.join(', ')}`,
      ],
      {
        hint: '--proto-path DIR allows one more folder of imports; it may be repeated',
      },
    );
  for (const folder of folders) {
    const path = join(folder, name);
    if (name.startsWith('/') || !isWithin(path, folder)) {
      throw outside();
    }
    const real = realPathIfAny(path);
    if (real !== undefined) {
      // A link may lead out.
      if (!isWithin(real, realPath(folder, folder))) {
        throw outside();
      }
      return path;
    }
  }
  throw usageError(
    [`Cannot read --proto ${importer}: it imports ${JSON.stringify(name)}, which is not in ${folders.join(', ')}`],
    { hint: '--proto-path DIR names the folder that imports are relative to; it may be repeated' },
  );
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function realPathIfAny(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** A method as `--call` names it. */
export interface Call {
  readonly service: string;
  readonly method: string;
}

/** A method with the types of its messages. */
export interface AnyMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: Type;
  readonly response: Type;
  readonly takesStream: boolean;
  readonly givesStream: boolean;
}

/** Finds a method. Throws BenchError('usage') that lists what there is instead. */
export function methodOf(root: ProtoRoot, { service, method }: Call): AnyMethod {
  const services = servicesIn(root);
  const found = services.find(({ fullName }) => fullName.slice(1) === service);
  if (!found) {
    throw noSuchService(
      service,
      services.map(({ fullName }) => fullName.slice(1)),
    );
  }
  const rpc: Method | undefined = found.methodsArray.find(({ name }) => name === method);
  if (!rpc?.resolvedRequestType || !rpc.resolvedResponseType) {
    throw usageError([
      `Cannot find the method of --call ${service}/${method}: the service has ${listed(method, Object.keys(found.methods))}`,
    ]);
  }
  return {
    path: `/${service}/${method}`,
    request: rpc.resolvedRequestType,
    response: rpc.resolvedResponseType,
    takesStream: rpc.requestStream === true,
    givesStream: rpc.responseStream === true,
  };
}

/** The error about a service that is not there, with the ones that are. */
export function noSuchService(service: string, services: readonly string[]) {
  return usageError([
    `Cannot find the service of --call ${service}: there ${services.length === 1 ? 'is' : 'are'} ${listed(service, services)}`,
  ]);
}

function listed(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const more = names.length > MOST_NAMES ? `, … (${names.length} in all)` : '';
  return `${names.slice(0, MOST_NAMES).join(', ') || 'none'}${more}${near === undefined ? '' : ` (did you mean ${near}?)`}`;
}

function servicesIn(root: ProtoRoot): readonly Service[] {
  const inside = (namespace: { readonly nestedArray: readonly object[] }): readonly Service[] =>
    namespace.nestedArray.flatMap((each) => {
      if ('methods' in each) {
        return [each as Service];
      }
      return 'nestedArray' in each ? inside(each as { readonly nestedArray: readonly object[] }) : [];
    });
  return inside(root);
}
