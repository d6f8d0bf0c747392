import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BenchError } from '../../../src/errors.js';
import { descriptorReader, loadDescriptors, loadProtoFile, methodOf } from '../../../src/protocols/proto-files.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/protos', import.meta.url));
const fixture = (name: string) => join(FIXTURES, name);

async function problemOf(promise: Promise<unknown>): Promise<{ readonly message: string; readonly hint?: string }> {
  const error = await promise.then(
    () => new Error('was taken'),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(BenchError);
  const { message, hint, kind } = error as BenchError;
  expect(kind).toBe('usage');
  return { message, ...(hint !== undefined && { hint }) };
}

describe('a .proto file', () => {
  it('is loaded with what it imports, from its own folder or from the roots', async () => {
    const zoo = await loadProtoFile({ file: fixture('zoo/keeper.proto'), roots: [FIXTURES] });
    expect(zoo.lookupType('zoo.Animal').fieldsArray.length).toBe(12);
    const directory = mkdtempSync(join(tmpdir(), 'proto-'));
    writeFileSync(join(directory, 'a.proto'), 'syntax="proto3"; import "b.proto"; message A { B b = 1; }');
    writeFileSync(join(directory, 'b.proto'), 'syntax="proto3"; import "a.proto"; message B { A a = 1; }');
    expect((await loadProtoFile({ file: join(directory, 'a.proto'), roots: [] })).lookupType('A').name).toBe('A');
  });

  it('may import what Google ships, options included', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'proto-'));
    writeFileSync(
      join(directory, 'a.proto'),
      `syntax="proto3"; import "google/protobuf/descriptor.proto";
       extend google.protobuf.MethodOptions { string note = 50001; }
       message A {} service S { rpc M(A) returns (A) { option (note) = "x"; } }`,
    );
    const root = await loadProtoFile({ file: join(directory, 'a.proto'), roots: [] });
    expect(methodOf(root, { service: 'S', method: 'M' }).path).toBe('/S/M');
  });

  it.each([
    ['climbs.proto', 'it imports "../zoo/animal.proto", which is outside of'],
    ['absolute.proto', 'it imports "/etc/hostname", which is outside of'],
    ['lost.proto', 'it imports "no/such.proto", which is not in'],
  ])('%s cannot be used: %s', async (name, problem) => {
    const { message, hint } = await problemOf(loadProtoFile({ file: fixture(`bad/${name}`), roots: [] }));
    expect(message).toContain(`Cannot read --proto ${fixture(`bad/${name}`)}: ${problem}`);
    expect(hint).toContain('--proto-path DIR');
  });

  it('may not reach out of the roots by a link', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'proto-'));
    mkdirSync(join(directory, 'in'));
    writeFileSync(join(directory, 'out.proto'), 'syntax="proto3"; message Out {}');
    symlinkSync(join(directory, 'out.proto'), join(directory, 'in', 'link.proto'));
    writeFileSync(join(directory, 'in', 'a.proto'), 'syntax="proto3"; import "link.proto";');
    const { message } = await problemOf(loadProtoFile({ file: join(directory, 'in', 'a.proto'), roots: [] }));
    expect(message).toContain('it imports "link.proto", which is outside of');
  });

  it('that is none is named with its line, and nothing of its text is shown', async () => {
    const file = fixture('bad/not-proto.proto');
    const { message } = await problemOf(loadProtoFile({ file, roots: [] }));
    expect(message).toBe(
      `Cannot read --proto ${file}:3: not in the language of .proto files (proto2, proto3, edition 2023)`,
    );
  });

  it.each([
    ['no/such.proto', 'no such file or directory'],
    ['zoo', 'not a regular file'],
  ])('%s is %s', async (name, problem) => {
    expect((await problemOf(loadProtoFile({ file: fixture(name), roots: [] }))).message).toBe(
      `Cannot read --proto ${fixture(name)}: ${problem}`,
    );
  });

  it('has to define the types that it uses', async () => {
    const { message } = await problemOf(loadProtoFile({ file: fixture('bad/no-type.proto'), roots: [] }));
    expect(message).toContain('Animal');
  });
});

describe('a method', async () => {
  const zoo = await loadProtoFile({ file: fixture('zoo/keeper.proto'), roots: [FIXTURES] });

  it.each([
    ['Feed', 'Animal', 'Meal', false, false],
    ['Watch', 'WatchRequest', 'Animal', false, true],
    ['Drive', 'Animal', 'Meal', true, false],
  ])('%s takes %s and gives %s', (method, takes, gives, takesStream, givesStream) => {
    const found = methodOf(zoo, { service: 'zoo.Keeper', method });
    expect([found.path, found.request.name, found.response.name]).toEqual([`/zoo.Keeper/${method}`, takes, gives]);
    expect([found.takesStream, found.givesStream]).toEqual([takesStream, givesStream]);
  });

  it.each([
    [
      'zoo.Kepeer',
      'Feed',
      'Cannot find the service of --call zoo.Kepeer: there is zoo.Keeper (did you mean zoo.Keeper?)',
    ],
    [
      'zoo.Keeper',
      'Fede',
      'Cannot find the method of --call zoo.Keeper/Fede: the service has Feed, Watch, Drive (did you mean Feed?)',
    ],
    ['zoo.Animal', 'Feed', 'Cannot find the service of --call zoo.Animal: there is zoo.Keeper'],
    [
      'zoo.Keeper',
      'toString',
      'Cannot find the method of --call zoo.Keeper/toString: the service has Feed, Watch, Drive',
    ],
  ])('%s/%s is not there', (service, method, problem) => {
    expect(() => methodOf(zoo, { service, method })).toThrow(problem);
  });
});

describe('descriptors', () => {
  it('that are none are an error of usage', async () => {
    const garbage = Buffer.from('ffffffff', 'hex');
    expect((await problemOf(loadDescriptors([garbage]))).message).toContain(
      'Cannot use the definitions that the server gave',
    );
    const read = await descriptorReader();
    expect(() => read(garbage)).toThrow('Cannot use the definitions that the server gave');
  });
});
