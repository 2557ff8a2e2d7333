// llama.cpp's prefill and decode, by the clock and by the processor time used: the same work as `Banyan.Bench model`.
//   npm install --ignore-scripts && node bench.mjs MODEL.gguf --threads 2 --prompt 256 --generate 64 --runs 5
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [path, ...options] = process.argv.slice(2);
const number = (name, otherwise) => options.includes(name) ? Number(options[options.indexOf(name) + 1]) : otherwise;
const threads = number("--threads", 2), prompt = number("--prompt", 256), generate = number("--generate", 64), runs = number("--runs", 5);

const llama = await getLlama({gpu: false, maxThreads: threads, logLevel: LlamaLogLevel.error});
const began = performance.now();
const model = await llama.loadModel({modelPath: path, useMmap: true});
const loadSeconds = (performance.now() - began) / 1000;
const context = await model.createContext({contextSize: prompt + generate + 64, batchSize: 512, threads, flashAttention: true});
const sequence = context.getSequence();

/** Tokens a second of `counted` tokens while a prompt of `promptTokens` is read and `generateTokens` are made. */
async function measure(promptTokens, generateTokens, run, counted) {
  await sequence.clearHistory();
  const tokens = Array.from({length: promptTokens}, (_, i) => (i * 7919 + 13 + run) % 1500);
  const start = performance.now(), cpu = process.cpuUsage();
  let made = 0;
  for await (const _ of sequence.evaluate(tokens, {temperature: 0, yieldEogToken: true}))
    if (++made >= generateTokens)
      break;
  const used = process.cpuUsage(cpu);
  return {perSecond: counted / ((performance.now() - start) / 1000), perCpuSecond: counted / ((used.user + used.system) / 1e6)};
}

const prefill = [], decode = [];
for (let run = 0; run <= runs; run++) {
  const first = await measure(prompt, 1, run, prompt);
  const second = await measure(1, generate, run, generate);
  if (run === 0)
    continue; // warms up
  prefill.push(first);
  decode.push(second);
}
const median = (list, field) => {
  const sorted = list.map(s => s[field]).sort((a, b) => a - b), middle = sorted.length >> 1;
  return Math.round((sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2) * 100) / 100;
};
console.log(JSON.stringify({
  system: "llama.cpp (node-llama-cpp 3.22.1)", model: path.split("/").pop(), threads,
  prefill: median(prefill, "perSecond"), decode: median(decode, "perSecond"),
  prefillPerCpuSecond: median(prefill, "perCpuSecond"), decodePerCpuSecond: median(decode, "perCpuSecond"),
  loadSeconds: Math.round(loadSeconds * 100) / 100,
}));
process.exit(0);
