// What a schema costs llama.cpp: processor time a token with one and without, in turn; the same shapes as `Banyan.Bench forced`.
//   npm install --ignore-scripts && node forced.mjs MODEL.gguf --runs 3 --tokens 200
import {getLlama, LlamaGrammarEvaluationState, LlamaLogLevel} from "node-llama-cpp";

const [path, ...options] = process.argv.slice(2);
const number = (name, otherwise) => options.includes(name) ? Number(options[options.indexOf(name) + 1]) : otherwise;
const runs = number("--runs", 3), most = number("--tokens", 200);

const llama = await getLlama({gpu: false, maxThreads: 1, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: path, useMmap: true});
const context = await model.createContext({contextSize: most + 128, batchSize: 64, threads: 1, flashAttention: true});
const sequence = context.getSequence();

const text = maxLength => ({type: "string", maxLength});
const shapes = {
  "none": null,
  "any JSON object": await llama.getGrammarFor("json"),
  "a list of records": await llama.createGrammarForJsonSchema({type: "array", minItems: 50, items: {type: "object", properties: {
    name: text(40), age: {type: "integer", minimum: 0, maximum: 150}, tags: {type: "array", items: text(20), maxItems: 5}},
    required: ["name", "age", "tags"], additionalProperties: false}}),
  "one long string": await llama.createGrammarForJsonSchema({type: "string", minLength: 500}), // it refuses 4,000: too many repetitions
};
const costs = Object.fromEntries(Object.keys(shapes).map(name => [name, []]));
for (let run = -1; run < runs; run++)
  for (const [name, grammar] of Object.entries(shapes)) {
    await sequence.clearHistory();
    const state = grammar && new LlamaGrammarEvaluationState({model, grammar});
    const settings = {temperature: 1, topK: 0, topP: 1, minP: 0, seed: run + 2, yieldEogToken: true, ...(state && {grammarEvaluationState: () => state})};
    let made = 0, start;
    for await (const _ of sequence.evaluate(Array.from({length: 32}, (_, i) => 100 + i), settings)) {
      start ??= process.cpuUsage();
      if (++made >= most)
        break;
    }
    const used = process.cpuUsage(start);
    if (run >= 0 && made > 1)
      costs[name].push((used.user + used.system) / 1000 / (made - 1));
  }
const least = list => Math.min(...list);
console.log("| shape | ms a token | of the speed without |\n|---|---:|---:|");
for (const [name, list] of Object.entries(costs))
  console.log(`| ${name} | ${least(list).toFixed(3)} | ${(100 * least(costs.none) / least(list)).toFixed(1)}% |`);
process.exit(0);
