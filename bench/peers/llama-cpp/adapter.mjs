// llama.cpp's log-probabilities of the tokens after a prompt, of a model alone and with a GGUF adapter, to be compared with `banyan logits --activations float`.
//   npm install --ignore-scripts && node adapter.mjs MODEL.gguf ADAPTER.gguf '[5,77,130]'
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [path, adapter, prompt] = process.argv.slice(2);
const llama = await getLlama({gpu: false, maxThreads: 1, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: path});
for (const lora of [undefined, {adapters: [{filePath: adapter}]}]) {
  // As exact as it can: F16 in the cache alone moves some of the tiny models by 0.01.
  const context = await model.createContext({contextSize: 1024, threads: 1, lora, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"});
  const input = JSON.parse(prompt);
  input[input.length - 1] = [input.at(-1), {generateNext: {probabilities: true, token: true}}];
  const {next} = (await context.getSequence().controlledEvaluate(input)).at(-1);
  console.log(JSON.stringify({with: lora ? "adapter" : "base", top: [...next.probabilities.entries()].slice(0, 10).map(([id, p]) => [Number(id), Math.log(p)])}));
  await context.dispose();
}
process.exit(0);
