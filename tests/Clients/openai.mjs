// Drives a server with the npm package `openai`, unmodified, and prints what it got as JSON: node openai.mjs BASE_URL CHAT_MODEL FIM_MODEL
import OpenAI from 'openai';

const [baseURL, chatModel, fimModel] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
const greedy = { model: chatModel, temperature: 0, max_tokens: 8 };
const messages = [{ role: 'user', content: 'Once upon a time' }];
const report = {};

report.models = (await client.models.list()).data.map(m => m.id);

const chat = await client.chat.completions.create({ ...greedy, messages, logprobs: true, top_logprobs: 2 });
report.chat = {
  text: chat.choices[0].message.content,
  finish: chat.choices[0].finish_reason,
  tokens: chat.choices[0].logprobs.content.map(t => t.token).join(''),
  alternatives: chat.choices[0].logprobs.content.map(t => t.top_logprobs.length),
  usage: chat.usage.completion_tokens,
};

let streamed = '', usage = null, finish = null, events = 0;
for await (const chunk of await client.chat.completions.create({ ...greedy, messages, stream: true, stream_options: { include_usage: true } })) {
  events++;
  streamed += chunk.choices[0]?.delta?.content ?? '';
  finish ??= chunk.choices[0]?.finish_reason;
  usage = chunk.usage ?? usage;
}
report.stream = { text: streamed, finish, usage: usage.completion_tokens, several: events > 3 };

// The helper that accumulates a stream checks the protocol more closely.
const runner = client.chat.completions.stream({ ...greedy, messages });
report.helper = (await runner.finalChatCompletion()).choices[0].message.content;

const fim = await client.completions.create({ model: fimModel, temperature: 0, max_tokens: 6, prompt: 'int Add(int a, int b) { ', suffix: ' }', logprobs: 3, ignore_eos: true });
report.fim = { length: fim.choices[0].logprobs.tokens.length, finish: fim.choices[0].finish_reason, prompt: fim.usage.prompt_tokens };

// The package asks for base64 and gives numbers.
const embedded = await client.embeddings.create({ model: chatModel, input: ['Once', 'upon a time'] });
const length = v => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
report.embeddings = embedded.data.map(e => [e.embedding.length, Number(length(e.embedding).toFixed(3))]);

const failed = async (name, call) => {
  try {
    await call();
    report[name] = 'no error';
  } catch (error) {
    report[name] = { type: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
};
await failed('unknownModel', () => client.chat.completions.create({ model: 'nobody', messages }));
await failed('badValue', () => client.chat.completions.create({ ...greedy, messages, temperature: 9 }));
await failed('tooLong', () => client.completions.create({ model: chatModel, prompt: 'word '.repeat(5000) }));

const controller = new AbortController();
const aborted = await client.chat.completions.create({ ...greedy, max_tokens: 400, messages, stream: true }, { signal: controller.signal });
let seen = 0;
for await (const _ of aborted)
  if (++seen === 2) controller.abort();
report.aborted = seen < 400;

console.log(JSON.stringify(report));
