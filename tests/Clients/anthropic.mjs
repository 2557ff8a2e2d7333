// Drives a server with the npm package `@anthropic-ai/sdk`, unmodified, and prints what it got as JSON: node anthropic.mjs BASE_URL MODEL
import Anthropic, { APIUserAbortError } from '@anthropic-ai/sdk';

const [baseURL, model] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey: 'none', maxRetries: 0 });
const greedy = { model, temperature: 0, max_tokens: 8 };
const messages = [{ role: 'user', content: 'Once upon a time' }];
const tools = [{ name: 'read', description: 'Reads a file', input_schema: { type: 'object', properties: { path: { type: 'string', maxLength: 6 }, line: { type: 'integer', minimum: 1, maximum: 9 } }, required: ['path', 'line'], additionalProperties: false } }];
const report = {};

report.models = (await client.models.list()).data.map(m => m.id);

const whole = await client.messages.create({ ...greedy, system: 'Be kind.', messages });
report.whole = { type: whole.content[0].type, stop: whole.stop_reason, output: whole.usage.output_tokens };

let streamed = '', events = [];
const stream = client.messages.stream({ ...greedy, system: 'Be kind.', messages });
stream.on('text', text => { streamed += text; });
stream.on('streamEvent', event => events.push(event.type));
const final = await stream.finalMessage();
report.stream = { same: streamed === whole.content[0].text && final.content[0].text === streamed, stop: final.stop_reason, output: final.usage.output_tokens, first: events[0], last: events.at(-1), deltas: events.filter(e => e === 'content_block_delta').length > 3 };

const count = await client.messages.countTokens({ model, system: 'Be kind.', messages });
report.count = count.input_tokens === whole.usage.input_tokens + whole.usage.cache_read_input_tokens;

// A forced call, streamed; then its result is answered.
const forced = { model, max_tokens: 120, messages, tools, tool_choice: { type: 'tool', name: 'read', disable_parallel_tool_use: true } };
let partial = 0;
const calling = client.messages.stream(forced);
calling.on('inputJson', () => { partial++; });
const called = await calling.finalMessage();
const use = called.content.find(b => b.type === 'tool_use');
report.call = { stop: called.stop_reason, name: use.name, keys: Object.keys(use.input), line: use.input.line >= 1 && use.input.line <= 9, pieces: partial > 3 };
const answered = await client.messages.create({ ...greedy, tools, messages: [...messages, { role: 'assistant', content: called.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'text' }] }], tool_choice: { type: 'none' } });
report.answered = answered.content[0].type;

// The package's own helper parses what was forced.
const schema = { type: 'object', properties: { mood: { enum: ['glad', 'sad'] } }, required: ['mood'], additionalProperties: false };
const parsed = await client.messages.parse({ model, max_tokens: 60, messages, output_config: { format: { type: 'json_schema', schema } } });
report.parsed = ['glad', 'sad'].includes(JSON.parse(parsed.content.find(b => b.type === 'text').text).mood);

let thoughts = '';
const thinking = client.messages.stream({ model, max_tokens: 1100, messages, thinking: { type: 'enabled', budget_tokens: 1024 } });
thinking.on('thinking', delta => { thoughts += delta; });
const thought = await thinking.finalMessage();
report.thinking = { type: thought.content[0].type, same: thought.content[0].thinking === thoughts && thoughts.length > 100 };
const off = await client.messages.create({ ...greedy, messages, thinking: { type: 'disabled' } });
report.disabled = off.content.map(b => b.type);

const failed = async (name, call) => {
  try {
    await call();
    report[name] = 'no error';
  } catch (error) {
    report[name] = { type: error.constructor.name, status: error.status, kind: error.error?.error?.type };
  }
};
await failed('unknownModel', () => client.messages.create({ ...greedy, model: 'nobody', messages }));
await failed('badValue', () => client.messages.create({ ...greedy, messages, temperature: 9 }));
await failed('tooLong', () => client.messages.create({ ...greedy, messages: [{ role: 'user', content: 'word '.repeat(5000) }] }));
await failed('badStream', () => client.messages.stream({ ...greedy, messages: [] }).finalMessage());

const aborted = client.messages.stream({ ...greedy, max_tokens: 400, messages });
let seen = 0;
aborted.on('text', () => { if (++seen === 2) aborted.abort(); });
report.aborted = await aborted.finalMessage().then(() => 'no', error => error instanceof APIUserAbortError && seen < 400);

console.log(JSON.stringify(report));
