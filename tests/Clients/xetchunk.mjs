// The npm package @huggingface/xetchunk-wasm, unmodified, cuts and hashes a file: `node xetchunk.mjs FILE`.
// Prints one JSON object: chunks as [hash, length], the hash of all of them as a xorb and as a file, and a verification hash.
import { readFileSync } from "node:fs";
import { createChunker, fileHash, finalize, hashToHex, hmac, nextBlock, verificationHash, xorbHash } from "@huggingface/xetchunk-wasm";

const bytes = readFileSync(process.argv[2]);
const chunker = createChunker(64 * 1024);
const chunks = [];
// Pieces of odd lengths, as they come from a stream.
for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 7 + 13) % 300_007 + 1)
  chunks.push(...nextBlock(chunker, bytes.subarray(at, at + step)));
const last = finalize(chunker);
if (last) chunks.push(last);
process.stdout.write(JSON.stringify({
  chunks: chunks.map(c => [hashToHex(c.hash), c.length]),
  xorb: hashToHex(xorbHash(chunks)),
  file: hashToHex(fileHash(chunks)),
  verification: hashToHex(verificationHash(chunks.map(c => c.hash))),
  keyed: hashToHex(hmac(chunks[0].hash, new Uint8Array(32).fill(7))),
}));
