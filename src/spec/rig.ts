import type { Clock } from '../clock.js';
import { openDataset } from '../datasets/index.js';
import { BenchError } from '../errors.js';
import { type Payloads, payloads } from '../protocols/payloads.js';
import type { Protocol } from '../protocols/protocol.js';
import { random } from '../random.js';
import { type ClosedSchedule, userSteps } from '../schedule/users.js';
import { US_PER_MS } from '../units.js';
import type { RunSpec } from './run-spec.js';

/** All that a loop needs but for the connection: made before the clock of the run starts. */
export interface Rig {
  readonly protocol: Protocol;
  readonly schedule: ClosedSchedule;
  readonly pool: Payloads;
  readonly encodeMs: number;
  readonly datasetItems: number;
}

/** Builds the schedule and encodes the requests. Throws BenchError('usage') for a dataset that cannot be used. */
export async function rigOf(spec: RunSpec, cwd: string, clock: Clock): Promise<Rig> {
  const dataset = openDataset(spec.datasetName, cwd);
  const protocol = await spec.protocolKind.create(spec.protocolSettings, spec.endpoint?.path ?? '');
  const startedUs = clock.nowUs();
  try {
    const pool = payloads({
      protocol,
      dataset,
      batchSize: spec.settings['batch-size'],
      random: random(spec.settings.seed, 'dataset'),
    });
    return {
      protocol,
      pool,
      schedule: {
        model: 'closed',
        steps: userSteps(spec.curve),
        durationUs: spec.curve.durationUs,
        thinkTimeUs: spec.settings['think-time'],
      },
      encodeMs: Math.round((clock.nowUs() - startedUs) / US_PER_MS),
      datasetItems: dataset.size,
    };
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    throw new BenchError(
      'usage',
      `Cannot use --dataset ${spec.datasetName} with --protocol ${protocol.name}: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}
