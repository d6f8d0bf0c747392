import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BenchError } from '../../../src/errors.js';
import { readRunSpec } from '../../../src/spec/run-spec.js';
import { hasProgram, makeCertificates } from '../../support/servers.js';

type Words = Readonly<Record<string, string>>;

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'infer-bench-tls-spec-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

function read(given: Words, url?: string) {
  const entries = Object.entries(given).map(([name, word]) => [name, [word]] as const);
  return readRunSpec({ operands: url === undefined ? [] : [url], given: new Map(entries), problems: [], cwd });
}

function problems(given: Words, url?: string): readonly string[] {
  try {
    read(given, url);
  } catch (error) {
    expect(error).toBeInstanceOf(BenchError);
    expect((error as BenchError).exitCode).toBe(2);
    return (error as BenchError).message.split('\n');
  }
  throw new Error('was taken');
}

const HTTPS = 'https://127.0.0.1:8443';

describe('TLS flags', () => {
  it('are off unless given', () => {
    expect(read({}, HTTPS).tls).toEqual({ ca: undefined, cert: undefined, key: undefined, insecure: false });
    expect(read({ insecure: 'true' }, HTTPS).tls.insecure).toBe(true);
    expect(read({ insecure: 'true', protocol: 'tf-serving-grpc' }, 'grpcs://127.0.0.1:8500').tls.insecure).toBe(true);
  });

  it.each<[Words, string | undefined, string]>([
    [{ insecure: 'true' }, 'http://127.0.0.1:80', '--insecure has no effect with http://127.0.0.1:80: TLS needs'],
    [{ insecure: 'true', protocol: 'tf-serving-grpc' }, 'grpc://127.0.0.1', '--insecure has no effect with grpc://'],
    [{ insecure: 'true' }, undefined, '--insecure has no effect with the embedded server: TLS needs'],
    [{ cacert: 'none.pem' }, HTTPS, 'Cannot read --cacert none.pem: no such file or directory'],
    [{ cacert: '.' }, HTTPS, 'Cannot read --cacert .: is a directory'],
    [{ cert: 'none.pem' }, HTTPS, 'Cannot use --cert without --key: a client certificate is shown with its key'],
    [{ key: 'none.pem' }, HTTPS, 'Cannot use --key without --cert: a client certificate is shown with its key'],
    [{ key: '***', cert: 'none' }, HTTPS, 'Cannot read --cert none: no such file or directory'],
  ])('%j with %s', (given, url, problem) => {
    expect(problems(given, url)[0]).toContain(problem);
  });

  it('are all told of at once', () => {
    expect(problems({ cacert: 'a', cert: 'b', key: '***', insecure: 'true' }, 'http://127.0.0.1')).toEqual([
      '--insecure, --cacert, --cert, --key have no effect with http://127.0.0.1: TLS needs a URL of https:// or grpcs://',
      'Cannot combine --insecure and --cacert: the one trusts anybody',
      'Cannot read --cacert a: no such file or directory',
      'Cannot read --cert b: no such file or directory',
      'Cannot read --key: its path was masked when the spec was saved; give it again',
    ]);
  });

  it('take nothing that is not PEM', () => {
    writeFileSync(join(cwd, 'secret'), 'hunter2');
    writeFileSync(join(cwd, 'broken'), '-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n');
    writeFileSync(join(cwd, 'broken.key'), '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n');
    expect(problems({ cacert: 'broken', cert: 'secret', key: 'broken.key' }, HTTPS)).toEqual([
      'Cannot read --cacert broken: certificate 1 of 1 cannot be read',
      'Cannot read --cert secret: wanted a certificate in PEM (-----BEGIN CERTIFICATE-----)',
      'Cannot read --key broken.key: the key cannot be read',
    ]);
    expect(problems({ cert: 'broken', key: 'secret' }, HTTPS)[1]).toBe(
      'Cannot read --key secret: wanted a private key in PEM (-----BEGIN PRIVATE KEY-----)',
    );
  });

  it.skipIf(!hasProgram('openssl', ['version']))('read what fits together (needs openssl)', () => {
    const { ca, good, otherHost } = makeCertificates();
    writeFileSync(join(cwd, 'ca.pem'), `# the authority\n${ca}${good.cert}`);
    writeFileSync(join(cwd, 'client.pem'), good.cert);
    writeFileSync(join(cwd, 'client.key'), good.key);
    writeFileSync(join(cwd, 'other.key'), otherHost.key);
    const spec = read({ cacert: 'ca.pem', cert: 'client.pem', key: 'client.key' }, HTTPS);
    expect(spec.tls).toEqual({
      ca: `# the authority\n${ca}${good.cert}`,
      cert: good.cert,
      key: good.key,
      insecure: false,
    });
    // Neither what is in the files nor where the key is.
    expect(spec.asked).toEqual({ url: HTTPS, cacert: 'ca.pem', cert: 'client.pem', key: '***' });
    expect(problems({ cert: 'client.pem', key: 'other.key' }, HTTPS)).toEqual([
      'Cannot use --cert client.pem with --key other.key: the key belongs to another certificate',
    ]);
  });
});
