// Drives a server with the npm package `ai` (Vercel's AI SDK) and its provider for compatible servers, and prints what it got as JSON: node ai.mjs BASE_URL MODEL
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText, embedMany, tool, jsonSchema, stepCountIs, Output, cosineSimilarity } from 'ai';

globalThis.AI_SDK_LOG_WARNINGS = false;
const [baseURL, model] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: 'banyan', baseURL, apiKey: 'none', includeUsage: true, supportsStructuredOutputs: true });
const greedy = { model: provider(model), temperature: 0, maxOutputTokens: 8, maxRetries: 0, prompt: 'Once upon a time' };
const report = {};

const whole = await generateText(greedy);
report.text = { some: whole.text.length > 0, finish: whole.finishReason, usage: whole.usage.outputTokens };
const stream = streamText(greedy);
let streamed = '', parts = 0;
for await (const text of stream.textStream) {
  streamed += text;
  parts++;
}
report.stream = { same: streamed === whole.text, finish: await stream.finishReason, usage: (await stream.usage).outputTokens, several: parts > 3 };

// A forced call that the package carries out itself, and answers with a second request.
const seen = [];
const read = tool({
  description: 'Reads a file',
  inputSchema: jsonSchema({ type: 'object', properties: { path: { type: 'string', maxLength: 6 } }, required: ['path'], additionalProperties: false }),
  execute: async ({ path }) => { seen.push(typeof path); return 'the text'; },
});
const loop = await generateText({ ...greedy, maxOutputTokens: 200, temperature: 1, seed: 3, providerOptions: { banyan: { parallel_tool_calls: false } }, tools: { read }, toolChoice: 'required', stopWhen: stepCountIs(2), prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? { type: 'tool', toolName: 'read' } : 'none' }) });
report.loop = { steps: loop.steps.length, first: loop.steps[0].finishReason, calls: seen.length > 0 && seen.every(t => t === 'string'), second: loop.steps[1].toolCalls.length };
const streamedCall = streamText({ ...greedy, maxOutputTokens: 200, temperature: 1, seed: 4, providerOptions: { banyan: { parallel_tool_calls: false } }, tools: { read: { ...read, execute: undefined } }, toolChoice: 'required' });
let deltas = 0;
for await (const part of streamedCall.fullStream)
  if (part.type === 'tool-input-delta') deltas++;
report.call = { name: (await streamedCall.toolCalls)[0].toolName, deltas: deltas > 2 };

const mood = await generateText({ ...greedy, maxOutputTokens: 60, output: Output.object({ schema: jsonSchema({ type: 'object', properties: { mood: { type: 'string', enum: ['glad', 'sad'] } }, required: ['mood'], additionalProperties: false }) }) });
report.object = ['glad', 'sad'].includes(mood.output.mood);

const thought = await generateText({ ...greedy, maxOutputTokens: 40, providerOptions: { banyan: { reasoningEffort: 'low' } } });
report.reasoning = { text: thought.reasoningText?.length > 20, rest: thought.text };

const embedded = await embedMany({ model: provider.textEmbeddingModel?.(model) ?? provider.embeddingModel(model), values: ['Once', 'Once', 'upon'] });
report.embeddings = [embedded.embeddings.length, Math.round(cosineSimilarity(embedded.embeddings[0], embedded.embeddings[1]) * 1000), embedded.usage.tokens > 0];

const failed = async (name, call) => {
  try {
    await call();
    report[name] = 'no error';
  } catch (error) {
    report[name] = { type: error.name, status: error.statusCode, said: error.message };
  }
};
await failed('unknownModel', () => generateText({ ...greedy, model: provider('nobody') }));
await failed('badValue', () => generateText({ ...greedy, temperature: 9 }));

const controller = new AbortController();
const aborted = streamText({ ...greedy, maxOutputTokens: 400, abortSignal: controller.signal });
let count = 0;
for await (const part of aborted.fullStream) {
  if (part.type === 'text-delta' && ++count === 2) controller.abort();
  if (part.type === 'abort') report.aborted = count < 400;
}

console.log(JSON.stringify(report));
