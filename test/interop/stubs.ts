import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DescMessage, DescService } from '@bufbuild/protobuf';
import { MODULES, npmProgram, PROTOS } from './foreign.js';

declare global {
  /** The library's declarations use this name of the DOM's, which Node's types do not have. */
  type HeadersInit = ConstructorParameters<typeof Headers>[0];
}

/** What protoc-gen-es makes of our message definitions, as far as the tests use it. */
export interface Stubs {
  readonly PredictionService: DescService;
  readonly ModelService: DescService;
  readonly GRPCInferenceService: DescService;
  readonly SignatureDefMapSchema: DescMessage;
}

/** Makes the stubs and loads them; the directory goes at once, what was loaded stays. */
export async function loadStubs(): Promise<Stubs> {
  // Below node_modules, for there the stubs find the library that they import.
  const cache = join(MODULES, '.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'infer-bench-stubs-'));
  try {
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    const plugin = {
      local: [process.execPath, npmProgram('protoc-gen-es')],
      out: directory,
      opt: ['target=js', 'import_extension=js'],
    };
    execFileSync(
      npmProgram('buf'),
      ['generate', PROTOS, '--template', JSON.stringify({ version: 'v2', plugins: [plugin] })],
      { env: { ...process.env, BUF_CACHE_DIR: directory } },
    );
    const load = (file: string) => import(pathToFileURL(join(directory, file)).href);
    const parts = await Promise.all([
      load('tensorflow_serving/prediction_service_pb.js'),
      load('tensorflow_serving/model_service_pb.js'),
      load('inference/inference_pb.js'),
      load('tensorflow_serving/metadata_pb.js'),
    ]);
    return Object.assign({}, ...parts);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
