// The npm package @huggingface/transformers, unmodified, loads a tokenizer and a configuration: `node transformers.mjs HUB REPO REVISION CACHE`.
// Its inference engine is not installed (package.json puts an empty one in its place): nothing is run.
import { AutoConfig, AutoTokenizer, env } from "@huggingface/transformers";

const [hub, repo, revision, cache] = process.argv.slice(2);
Object.assign(env, { remoteHost: hub, allowLocalModels: false, cacheDir: cache });

const config = await AutoConfig.from_pretrained(repo, { revision });
const tokenizer = await AutoTokenizer.from_pretrained(repo, { revision });
const missing = await AutoConfig.from_pretrained(`${repo}-missing`).then(() => "found", (e) => e.message);
const text = "public static int Add(int a, int b)";
console.log(JSON.stringify({ type: config.model_type, vocabulary: config.vocab_size, ids: tokenizer.encode(text), back: tokenizer.decode(tokenizer.encode(text)), missing: missing.replace(hub, "HUB") }));
