// Drives a server with the npm package `ollama`, unmodified, and prints what it got as JSON: node ollama.mjs HOST MODEL FIM_MODEL
import { Ollama } from 'ollama';

const [host, model, fimModel] = process.argv.slice(2);
const client = new Ollama({ host });
const options = { temperature: 0, num_predict: 8 };
const messages = [{ role: 'user', content: 'Once upon a time' }];
const tools = [{ type: 'function', function: { name: 'read', description: 'Reads a file', parameters: { type: 'object', properties: { path: { type: 'string', maxLength: 6 } }, required: ['path'] } } }];
const report = {};

report.list = (await client.list()).models.map(m => m.name);
report.version = /^\d+\.\d+\.\d+$/.test((await client.version()).version);
report.running = (await client.ps()).models.map(m => m.name).includes(model);
const shown = await client.show({ model });
report.show = { capabilities: shown.capabilities, context: shown.model_info[`${shown.model_info['general.architecture']}.context_length`] > 0 };

const whole = await client.chat({ model, messages, options });
report.chat = { role: whole.message.role, reason: whole.done_reason, count: whole.eval_count, durations: whole.total_duration > 0 && whole.eval_duration > 0 };
let streamed = '', last, parts = 0;
for await (const part of await client.chat({ model, messages, options, stream: true, keep_alive: '10m' })) {
  streamed += part.message.content;
  last = part;
  parts++;
}
report.stream = { same: streamed === whole.message.content, done: last.done, count: last.eval_count, several: parts > 4, date: last.created_at instanceof Date || typeof last.created_at === 'string' };

const generated = await client.generate({ model, prompt: 'Once upon a time', options, raw: true });
report.generate = { text: generated.response.length > 0, reason: generated.done_reason };
report.fim = (await client.generate({ model: fimModel, prompt: 'int Add(', suffix: ' }', options })).done;
const mood = await client.chat({ model, messages, format: { type: 'object', properties: { mood: { enum: ['glad', 'sad'] } }, required: ['mood'], additionalProperties: false } });
report.format = ['glad', 'sad'].includes(JSON.parse(mood.message.content).mood);

// Models of Ollama cannot be made to call: a call of an earlier turn and its result go into the prompt.
const talked = await client.chat({ model, tools, options, messages: [...messages, { role: 'assistant', content: '', tool_calls: [{ function: { name: 'read', arguments: { path: 'a' } } }] }, { role: 'tool', tool_name: 'read', content: 'text' }] });
report.tools = talked.done;
const thought = await client.chat({ model, messages, think: true, options: { num_predict: 40 } });
report.think = { thinking: thought.message.thinking?.length > 20, content: thought.message.content };
report.noThink = (await client.chat({ model, messages, think: false, options })).message.thinking === undefined;

const embedded = await client.embed({ model, input: ['Once', 'upon a time'] });
report.embed = [embedded.embeddings.length, embedded.embeddings[0].length, Math.round(Math.hypot(...embedded.embeddings[1]) * 1000)];
report.embeddings = (await client.embeddings({ model, prompt: 'Once' })).embedding.length;

const failed = async (name, call) => {
  try {
    await call();
    report[name] = 'no error';
  } catch (error) {
    report[name] = { status: error.status_code, said: error.error ?? error.message };
  }
};
await failed('unknownModel', () => client.chat({ model: 'nobody', messages }));
await failed('badValue', () => client.chat({ model, messages, options: { temperature: 9 } }));
await failed('badStream', () => client.generate({ model, prompt: 'word '.repeat(5000), raw: true, stream: true }));

const aborted = await client.chat({ model, messages, options: { num_predict: 400 }, stream: true });
let seen = 0;
try {
  for await (const _ of aborted)
    if (++seen === 2) aborted.abort();
  report.aborted = 'no error';
} catch (error) {
  report.aborted = error.name === 'AbortError' && seen < 400;
}

console.log(JSON.stringify(report));
