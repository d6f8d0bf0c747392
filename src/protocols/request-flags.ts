import { FlagProblem, text } from '../flags.js';
import { MASK } from '../text.js';

/** The flags of the protocols whose requests users write themselves, `http` and `grpc`. */

/** A body as it was given: text, or the bytes of a file that is none. */
export type Body = string | Uint8Array;

/** `--body`: the text itself, or `@FILE` for the content of a file, which the spec reads. */
export const BODY_FLAG = {
  ...text({
    arg: 'TEXT|@FILE',
    help: 'what is sent, for gRPC as JSON (default {}); {{column}} is filled from the dataset',
  }),
  holds: 'content' as const,
  shown: (value: string) => (value.startsWith('@') ? value : MASK),
  parse: (value: string): Body => value,
};

/** `--endpoint-name`: goes into CSV cells and tags, so it is one plain word. */
export const ENDPOINT_NAME_FLAG = {
  arg: 'NAME',
  help: 'name of the endpoint in samples and reports',
  parse(value: string): string {
    if (!/^[A-Za-z_/][\w.:/-]{0,63}$/.test(value)) {
      throw new FlagProblem('must be a word of at most 64 letters, digits and . : / _ -');
    }
    return value;
  },
};
