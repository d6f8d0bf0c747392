import type { ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';
import { type FileDescriptor, fileDescriptors } from './descriptors.js';
import { type GrpcService, loadProtos } from './grpc.js';
import { CODES } from './outcome.js';

/** A question, the one field that is set named by `message_request`. */
interface Question {
  readonly host: string;
  readonly message_request?:
    | 'file_by_filename'
    | 'file_containing_symbol'
    | 'file_containing_extension'
    | 'all_extension_numbers_of_type'
    | 'list_services';
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly all_extension_numbers_of_type?: string;
}

/** Clients still ask the second first, or only. */
const VERSIONS = ['v1', 'v1alpha'] as const;

/**
 * Server reflection in both versions, for services that `files` of the package define. Descriptors are made when the
 * first question comes, which most servers never get.
 */
export function reflectionServices(services: readonly string[], files: readonly string[]): readonly GrpcService[] {
  const own = VERSIONS.map((version) => ({
    name: `grpc.reflection.${version}.ServerReflection`,
    file: `grpc/reflection/${version}/reflection.proto`,
  }));
  const answers = answerer([...services, ...own.map(({ name }) => name)], [...files, ...own.map(({ file }) => file)]);
  return own.map(({ name, file }) => ({
    file,
    definition: loadProtos(file)[name] as ServiceDefinition,
    handlers: {
      ServerReflectionInfo(call: ServerDuplexStream<Question, object>) {
        call.on('data', (question: Question) => {
          call.write({ valid_host: question.host, original_request: question, ...answers(question) });
        });
        call.on('end', () => call.end());
        // A client that goes away ends its own call, and no other.
        call.on('error', () => {});
      },
    },
  }));
}

function answerer(services: readonly string[], files: readonly string[]): (question: Question) => object {
  let made: readonly FileDescriptor[] | undefined;
  const descriptors = () => {
    made ??= fileDescriptors(files);
    return made;
  };

  return (question) => {
    switch (question.message_request) {
      case 'list_services':
        return { list_services_response: { service: services.map((name) => ({ name })) } };
      case 'file_by_filename': {
        const name = question.file_by_filename;
        return fileAnswer(
          descriptors().find((file) => file.name === name),
          `file ${name}`,
        );
      }
      case 'file_containing_symbol': {
        const symbol = question.file_containing_symbol ?? '';
        return fileAnswer(
          descriptors().find(({ symbols }) => symbols.includes(symbol)),
          `symbol ${symbol}`,
        );
      }
      case 'all_extension_numbers_of_type': {
        const type = question.all_extension_numbers_of_type ?? '';
        const known = descriptors().some(({ symbols }) => symbols.includes(type));
        return known ? { all_extension_numbers_response: { base_type_name: type } } : notFound(`type ${type}`);
      }
      case 'file_containing_extension':
        return notFound('extension');
      default:
        return { error_response: { error_code: CODES.INVALID_ARGUMENT, error_message: 'No request in the message' } };
    }
  };

  /** The file, and behind it all that it imports: clients then need not ask again. */
  function fileAnswer(file: FileDescriptor | undefined, what: string): object {
    if (!file) {
      return notFound(what);
    }
    const wanted = new Set([file]);
    for (const { imports } of wanted) {
      for (const name of imports) {
        wanted.add(descriptors().find((each) => each.name === name) as FileDescriptor);
      }
    }
    return { file_descriptor_response: { file_descriptor_proto: [...wanted].map(({ bytes }) => bytes) } };
  }
}

function notFound(what: string): object {
  return { error_response: { error_code: CODES.NOT_FOUND, error_message: `Not found: ${what}` } };
}
