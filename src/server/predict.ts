import type { Answer, Route } from './http.js';
import { shortDecimal } from './sentiment.js';
import type { SentimentModel } from './sentiment-model.js';

/** Thousands of long texts in one request. */
export const PREDICT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Where a body is wrong, as FastAPI says it with status 422. */
interface Detail {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

type Texts = { readonly texts: readonly string[] } | { readonly texts?: undefined; readonly detail: Detail };

/** The routes of the third seed's server: `POST /predict` gives the scores of all labels per text, `GET /health` its state. */
export function predictRoutes(model: SentimentModel): readonly Route[] {
  const answerTo = predictAnswers(model);
  return [
    {
      method: 'POST',
      path: '/predict',
      inference: true,
      answer({ body }): Answer {
        const read = readTexts(body);
        if (!read.texts) {
          return { status: 422, body: JSON.stringify({ detail: [read.detail] }) };
        }
        const { texts } = read;
        return { status: 200, body: answerTo(texts), batch: texts.length };
      },
    },
    { method: 'GET', path: '/health', answer: () => ({ status: 200, body: '{"status":"healthy"}' }) },
  ];
}

/** Makes the answer to the texts of a request. */
export function predictAnswers(model: SentimentModel): (texts: readonly string[]) => string {
  const opening = model.labels.map((label) => `{"label":${JSON.stringify(label)},"score":`);

  function scoresText(text: string): string {
    const probabilities = model.predict(text);
    const entries = opening.map((start, index) => `${start}${shortDecimal(probabilities[index] as number)}}`);
    return `[${entries.join(',')}]`;
  }

  return (texts) => `{"predictions":[${texts.map(scoresText).join(',')}]}`;
}

function readTexts(body: Buffer): Texts {
  if (body.length === 0) {
    return { detail: { type: 'missing', loc: ['body'], msg: 'Field required', input: null } };
  }
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return { detail: { type: 'json_invalid', loc: ['body'], msg: 'JSON decode error', input: {} } };
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    const msg = 'Input should be a valid dictionary or object to extract fields from';
    return { detail: { type: 'model_attributes_type', loc: ['body'], msg, input: document } };
  }
  const loc = ['body', 'text'];
  if (!Object.hasOwn(document, 'text')) {
    return { detail: { type: 'missing', loc, msg: 'Field required', input: document } };
  }
  const { text: texts } = document as { readonly text: unknown };
  if (!Array.isArray(texts)) {
    return { detail: { type: 'list_type', loc, msg: 'Input should be a valid list', input: texts } };
  }
  const wrong = texts.findIndex((text) => typeof text !== 'string');
  return wrong < 0
    ? { texts }
    : {
        detail: {
          type: 'string_type',
          loc: [...loc, wrong],
          msg: 'Input should be a valid string',
          input: texts[wrong],
        },
      };
}
