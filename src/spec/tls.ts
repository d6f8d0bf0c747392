import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errorCode, fileProblem } from '../errors.js';
import type { FlagValues } from '../flags.js';
import { MASK } from '../text.js';
import type { Endpoint } from './endpoint.js';
import type { RUN_FLAGS } from './run-flags.js';

/** Whom TLS trusts and what it shows, PEM; nothing of it is in any output. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly insecure: boolean;
}

export interface TlsInput {
  readonly settings: FlagValues<typeof RUN_FLAGS>;
  /** Undefined: the embedded server, which speaks no TLS. */
  readonly endpoint: Endpoint | undefined;
  readonly cwd: string;
  readonly problems: string[];
  readonly nameOf: (flag: string) => string;
}

const FLAGS = ['insecure', 'cacert', 'cert', 'key'] as const;

/** Reads the files that the TLS flags name and looks whether TLS can use them; what is wrong goes to `problems`. */
export function readTls({ settings, endpoint, cwd, problems, nameOf }: TlsInput): TlsFiles {
  const { insecure } = settings;
  const asked = FLAGS.filter((name) => settings[name] !== undefined && settings[name] !== false);
  if (asked.length > 0 && !endpoint?.secure) {
    const where = endpoint ? endpoint.url : 'the embedded server';
    problems.push(
      `${asked.map(nameOf).join(', ')} ${asked.length > 1 ? 'have' : 'has'} no effect with ${where}: ` +
        'TLS needs a URL of https:// or grpcs://',
    );
  }
  if (insecure && settings.cacert !== undefined) {
    problems.push(`Cannot combine ${nameOf('insecure')} and ${nameOf('cacert')}: the one trusts anybody`);
  }
  for (const [given, other] of [['cert', 'key'] as const, ['key', 'cert'] as const]) {
    if (settings[given] !== undefined && settings[other] === undefined) {
      problems.push(`Cannot use ${nameOf(given)} without --${other}: a client certificate is shown with its key`);
    }
  }
  const ca = read('cacert', certificatesIn);
  const cert = read('cert', certificatesIn);
  const key = read('key', privateKeyIn);
  if (cert && key && !(cert.value[0] as X509Certificate).checkPrivateKey(key.value)) {
    problems.push(
      `Cannot use ${nameOf('cert')} ${settings.cert} with ${nameOf('key')} ${settings.key}: the key belongs to another certificate`,
    );
  }
  return { ca: ca?.text, cert: cert?.text, key: key?.text, insecure };

  function read<Value>(flag: 'cacert' | 'cert' | 'key', parse: (text: string) => Value) {
    const path = settings[flag];
    if (path === undefined) {
      return undefined;
    }
    if (path === MASK) {
      problems.push(`Cannot read ${nameOf(flag)}: its path was masked when the spec was saved; give it again`);
      return undefined;
    }
    try {
      const text = readFileSync(resolve(cwd, path), 'utf8');
      return { text, value: parse(text) };
    } catch (error) {
      problems.push(
        `Cannot read ${nameOf(flag)} ${path}: ${error instanceof NotPem ? error.message : fileProblem(error)}`,
      );
      return undefined;
    }
  }
}

/** A file that is not what TLS needs; the message shows nothing of it. */
class NotPem extends Error {}

function certificatesIn(text: string): readonly X509Certificate[] {
  const blocks =
    text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----.*?-----END (?:TRUSTED )?CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) {
    throw new NotPem('wanted a certificate in PEM (-----BEGIN CERTIFICATE-----)');
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new NotPem(`certificate ${index + 1} of ${blocks.length} cannot be read`);
    }
  });
}

function privateKeyIn(text: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw new NotPem('wanted a private key in PEM (-----BEGIN PRIVATE KEY-----)');
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    const isLocked = errorCode(error) === 'ERR_MISSING_PASSPHRASE';
    throw new NotPem(isLocked ? 'the key needs a passphrase; wanted one without' : 'the key cannot be read');
  }
}
