import { BenchError, usageError } from '../errors.js';
import { safeText } from '../text.js';
import { grpcMethod } from './proto.js';
import { descriptorReader, noSuchService } from './proto-files.js';
import type { Ask } from './protocol.js';

interface Question {
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly list_services?: string;
}

interface Answer {
  readonly file_descriptor_response: { readonly file_descriptor_proto: readonly Buffer[] } | null;
  readonly list_services_response: { readonly service: readonly { readonly name: string }[] } | null;
  readonly error_response: { readonly error_code: number; readonly error_message: string } | null;
}

/** Newest first; many servers have the second alone. */
const VERSIONS = ['v1', 'v1alpha'] as const;
const UNIMPLEMENTED = 12;
const NOT_FOUND = 5;
const HINT = '--proto FILE gives the definitions instead';
/** More files than any service is made of: a server that goes on giving names of new ones is not followed. */
const MAX_FILES = 1_000;

/**
 * Asks a server for the definitions of one of its services and all that they import: serialised FileDescriptorProtos.
 * Each question is a call of its own with one message each way, which on the wire is what a unary call is. Throws
 * BenchError: 'usage' for a server without reflection or without the service, 'unreachable' where none answered.
 */
export async function reflect(service: string, ask: Ask): Promise<readonly Uint8Array[]> {
  const [question, readDescriptor] = await Promise.all([questionOf(ask), descriptorReader()]);
  const first = await question({ file_containing_symbol: service });
  if (first.error_response?.error_code === NOT_FOUND) {
    const { list_services_response: list } = await question({ list_services: '*' });
    throw noSuchService(
      service,
      (list?.service ?? []).map(({ name }) => safeText(name)),
    );
  }
  const files = new Map<string, Uint8Array>();
  const missing: string[] = [];
  await take(first);
  for (let name = missing.pop(); name !== undefined; name = missing.pop()) {
    if (!files.has(name)) {
      await take(await question({ file_by_filename: name }));
      if (!files.has(name)) {
        throw usageError([`Cannot use server reflection: the server did not give the file ${safeText(name)}`], {
          hint: HINT,
        });
      }
    }
  }
  return [...files.values()];

  async function take({ file_descriptor_response: response, error_response: error }: Answer): Promise<void> {
    if (!response) {
      throw usageError([`Cannot use server reflection: ${safeText(error?.error_message || 'an empty answer')}`], {
        hint: HINT,
      });
    }
    for (const bytes of response.file_descriptor_proto) {
      const { name, imports } = readDescriptor(bytes);
      files.set(name, bytes);
      missing.push(...imports);
    }
    if (files.size > MAX_FILES) {
      throw usageError([`Cannot use server reflection: the server gave more than ${MAX_FILES} files`], { hint: HINT });
    }
  }
}

/** How questions are asked, in the newest version that the server has. */
async function questionOf(ask: Ask): Promise<(question: Question) => Promise<Answer>> {
  for (const version of VERSIONS) {
    const { path, encode, decode } = await grpcMethod<Question, Answer>(
      `grpc/reflection/${version}/reflection.proto`,
      `grpc.reflection.${version}.ServerReflection`,
      'ServerReflectionInfo',
    );
    const question = async (message: Question): Promise<Answer | undefined> => {
      const { status, response, detail } = await ask({
        method: 'POST',
        path,
        headers: {},
        body: encode(message),
        batch: 0,
      });
      if (response) {
        return decode(response.body);
      }
      if (status === UNIMPLEMENTED) {
        return undefined;
      }
      throw new BenchError('unreachable', `Cannot ask the server for its definitions: ${safeText(detail)}`, {
        hint: HINT,
      });
    };
    if (await question({ list_services: '*' })) {
      return async (message) => {
        const answer = await question(message);
        if (!answer) {
          throw new BenchError('unreachable', 'Cannot ask the server for its definitions: it stopped to answer', {
            hint: HINT,
          });
        }
        return answer;
      };
    }
  }
  throw usageError(['Cannot learn the methods of the server: it has no server reflection'], { hint: HINT });
}
