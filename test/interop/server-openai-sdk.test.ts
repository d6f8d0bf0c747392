import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startOurs, stopOurs } from './ours.js';

const messages = [{ role: 'user', content: 'Tell me of the sea.' }] as const;

describe('our openai server and the official SDK', () => {
  let client: OpenAI;
  const model = 'babble';
  beforeAll(async () => {
    const { http } = await startOurs('openai');
    client = new OpenAI({ baseURL: `${http}/v1`, apiKey: 'none', maxRetries: 0, timeout: 10_000 });
  });
  afterAll(stopOurs);

  it('chat: one answer, its tokens counted', async () => {
    const answer = await client.chat.completions.create({ model, messages: [...messages], max_completion_tokens: 8 });
    const [choice] = answer.choices;
    expect(choice?.message).toMatchObject({ role: 'assistant', content: expect.stringMatching(/\S/) });
    expect(['stop', 'length']).toContain(choice?.finish_reason);
    expect(answer.object).toBe('chat.completion');
    expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
    expect(answer.usage?.completion_tokens).toBeLessThanOrEqual(8);
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens as number) + (answer.usage?.completion_tokens as number),
    );
  });

  it('chat: the stream is the same text, its usage comes when asked for', async () => {
    const asked = { model, messages: [...messages], max_completion_tokens: 8, seed: 7 };
    const whole = await client.chat.completions.create(asked);
    const stream = await client.chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let finish: string | null | undefined;
    let tokens: number | undefined;
    let pieces = 0;
    for await (const { choices, usage, object } of stream) {
      expect(object).toBe('chat.completion.chunk');
      const [choice] = choices;
      text += choice?.delta.content ?? '';
      pieces += choice?.delta.content ? 1 : 0;
      finish = choice?.finish_reason ?? finish;
      tokens = usage?.completion_tokens ?? tokens;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(pieces).toBeGreaterThan(1);
    expect(finish).toBe(whole.choices[0]?.finish_reason);
    expect(tokens).toBe(whole.usage?.completion_tokens);
  });

  it('chat: a stream that nobody asked the usage of has none', async () => {
    const stream = await client.chat.completions.create({ model, messages: [...messages], stream: true });
    for await (const { choices, usage } of stream) {
      expect(choices.length).toBe(1);
      expect(usage ?? undefined).toBeUndefined();
    }
  });

  it('completions: whole and as a stream', async () => {
    const asked = { model, prompt: 'Once upon a time', max_tokens: 5, seed: 7 };
    const whole = await client.completions.create(asked);
    let text = '';
    for await (const { choices } of await client.completions.create({
      ...asked,
      stream: true,
    })) {
      text += choices[0]?.text ?? '';
    }
    expect(whole.choices[0]?.text).toMatch(/\S/);
    expect(text).toBe(whole.choices[0]?.text);
  });

  it('embeddings: the same numbers as floats and in base64, which the SDK asks for when it is not told', async () => {
    const input = ['the sea', 'the land', 'the sea'];
    const packed = await client.embeddings.create({ model: 'sentiment', input });
    const plain = await client.embeddings.create({ model: 'sentiment', input, encoding_format: 'float' });
    const [sea = [], land = [], again = []] = packed.data.map(({ embedding }) => embedding);
    expect(packed.data.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(sea.length).toBeGreaterThan(1);
    expect(again).toEqual(sea);
    expect(land).not.toEqual(sea);
    for (const [index, { embedding }] of plain.data.entries()) {
      expect(embedding.map(Math.fround)).toEqual([...(packed.data[index]?.embedding ?? [])].map(Math.fround));
    }
    expect(packed.usage.prompt_tokens).toBeGreaterThan(0);
  });

  it('errors are those that the SDK has classes for', async () => {
    await expect(client.chat.completions.create({ model, messages: 'none' as never })).rejects.toBeInstanceOf(
      OpenAI.BadRequestError,
    );
    await expect(client.get('/nowhere')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});
