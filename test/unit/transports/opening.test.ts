import { describe, expect, it } from 'vitest';
import { BenchError } from '../../../src/errors.js';
import { type Opening, openAll } from '../../../src/transports/opening.js';
import { fakeClock } from '../../support/clock.js';

const TARGET = { secure: false, host: 'model.test', port: 80, address: '127.0.0.1' };

type Begin = (index: number, done: (problem?: unknown) => void) => Partial<Opening>;

/** Opens connections in virtual time; gives what it ends with, and after how long. */
async function opened(count: number, begin: Begin, fresh = false) {
  const clock = fakeClock();
  let error: unknown;
  let over = false;
  openAll({
    count,
    fresh,
    target: TARGET,
    clock,
    begin: (index, done) => ({ problem: () => undefined, giveUp() {}, ...begin(index, done) }),
  })
    .catch((problem) => {
      error = problem;
    })
    .finally(() => {
      over = true;
    });
  let nowUs = 0;
  for (; !over && nowUs < 60e6; nowUs += 1_000) {
    clock.runUntil(nowUs);
    for (let turn = 0; turn < 20; turn++) {
      await Promise.resolve();
    }
  }
  expect(over).toBe(true);
  return { error: error as BenchError | undefined, nowUs };
}

const failing =
  (code: string): Begin =>
  (index, done) => {
    done(index === 2 ? Object.assign(new Error('no'), { code }) : undefined);
    return {};
  };

describe('openAll', () => {
  it('opens all, a few at a time', async () => {
    let under = 0;
    let most = 0;
    const begun: number[] = [];
    const { error } = await opened(1_000, (index, done) => {
      begun.push(index);
      most = Math.max(most, ++under);
      void Promise.resolve().then(() => {
        under--;
        done();
      });
      return {};
    });
    expect(error).toBeUndefined();
    expect(begun).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    expect(most).toBeLessThanOrEqual(64);
  });

  it('of none does nothing', async () => {
    expect((await opened(0, () => expect.fail())).error).toBeUndefined();
  });

  it.each([
    [
      'EMFILE',
      'usage',
      /^Cannot open connection 3 of 5 to model\.test:80: this process may have \d+ files open$/,
      /ulimit -n 69/,
    ],
    ['EADDRNOTAVAIL', 'usage', /no local port left/, /ip_local_port_range/],
    ['ENFILE', 'usage', /no room for it \(ENFILE\)$/, /file-max/],
    [
      'ECONNREFUSED',
      'unreachable',
      /3 of 5 to model\.test:80: connection refused: nothing listens there$/,
      /nothing was sent/,
    ],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'unreachable', /certificate is self-signed$/, /--cacert FILE .*--insecure/],
    ['EWHATEVER', 'unreachable', /: EWHATEVER$/, /nothing was sent/],
  ] as const)('tells of %s', async (code, kind, message, hint) => {
    const { error } = await opened(5, failing(code));
    expect(error).toBeInstanceOf(BenchError);
    expect(error?.kind).toBe(kind);
    expect(error?.message).toMatch(message);
    expect(error?.hint).toMatch(hint);
  });

  it('begins no more after one that failed', async () => {
    const begun: number[] = [];
    await opened(1_000, (index, done) => {
      begun.push(index);
      return failing('ECONNREFUSED')(index, done);
    });
    expect(begun.length).toBeLessThanOrEqual(66);
  });

  it.each([
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'a URL of http:// or grpc:// goes without TLS; nothing was sent'],
    ['CERT_HAS_EXPIRED', expect.stringMatching(/^look whether this port is for that protocol.*; nothing was sent$/)],
    ['SELF_SIGNED_CERT_IN_CHAIN', expect.stringMatching(/^--cacert FILE trusts its authority.*; nothing was sent$/)],
  ])('has a hint that fits %s', async (code, hint) => {
    expect((await opened(5, failing(code))).error).toMatchObject({ kind: 'unreachable', hint });
  });

  it('gives up after ten seconds', async () => {
    const given: number[] = [];
    const { error, nowUs } = await opened(2, (index, done) => {
      if (index === 0) {
        done();
      }
      return { giveUp: () => given.push(index) };
    });
    expect(error).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('no answer within 10 s') });
    expect(nowUs).toBeGreaterThanOrEqual(10e6);
    expect(given).toEqual([1]);
  });

  it('looks whether they stayed open, and says why not where that was told later', async () => {
    const lost = await opened(3, (index, done) => {
      done();
      return { problem: () => (index === 1 ? new Error('closed') : undefined) };
    });
    expect(lost.error?.message).toBe('Cannot open connection 2 of 3 to model.test:80: closed');
    const told = await opened(3, (index, done) => {
      done();
      if (index === 1) {
        done(Object.assign(new Error(), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }));
      }
      return { problem: () => (index === 1 ? new Error('closed') : undefined) };
    });
    expect(told.error?.message).toContain('the server wants a client certificate');
  });

  it('closes them again where each request has its own', async () => {
    const given: number[] = [];
    const begin: Begin = (index, done) => {
      done();
      return { giveUp: () => given.push(index) };
    };
    expect((await opened(2, begin, true)).error).toBeUndefined();
    expect(given).toEqual([0, 1]);
  });
});
