import type { Route } from './http.js';
import type { SentimentModel } from './sentiment-model.js';

/** Text in a path is short; a body has no meaning here. */
export const SENTIMENT_MAX_BODY_BYTES = 1024 * 1024;

/** FastAPI's answer to a required query parameter that is not there. */
const MISSING_QUERY = JSON.stringify({
  detail: [{ type: 'missing', loc: ['query', 'query'], msg: 'Field required', input: null }],
});

/** The routes of the first seed's server: `GET /?query=TEXT` gives a flat object label -> probability. */
export function sentimentRoutes(model: SentimentModel): readonly Route[] {
  const answerTo = sentimentAnswers(model);
  return [
    {
      method: 'GET',
      path: '/',
      inference: true,
      answer({ query }) {
        // The last one counts, as in the framework of the original.
        const text = new URLSearchParams(query).getAll('query').at(-1);
        if (text === undefined) {
          return { status: 422, body: MISSING_QUERY };
        }
        return { status: 200, body: answerTo(text), batch: 1 };
      },
    },
  ];
}

/** Makes the answer to a text. */
export function sentimentAnswers(model: SentimentModel): (text: string) => string {
  const keys = model.labels.map((label) => `${JSON.stringify(label)}:`);
  return (text) => {
    const probabilities = model.predict(text);
    return `{${keys.map((key, index) => key + shortDecimal(probabilities[index] as number)).join(',')}}`;
  };
}

/** The body of an error that no route gave, as FastAPI writes it. */
export function sentimentProblem(message: string): string {
  return JSON.stringify({ detail: message });
}

/** Nine digits hold a float32 exactly; the rest would be noise of the widening to float64. */
export function shortDecimal(value: number): string {
  return String(Number(value.toPrecision(9)));
}
