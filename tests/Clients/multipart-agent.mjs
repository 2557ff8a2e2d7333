// An agent of git-lfs (its protocol for custom transfers) for the transfer "multipart", as Hugging Face's own does it, which comes with
// Python's huggingface_hub and so is not at hand everywhere: the parts' addresses are taken in the order in which git-lfs hands them on.
import { openAsBlob } from "node:fs";
import { createInterface } from "node:readline";

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.event === "init")
    say(message.operation === "upload" ? {} : { error: { code: 32, message: "for uploads alone" } });
  else if (message.event === "terminate")
    break;
  else
    say({ event: "complete", oid: message.oid, ...await upload(message) });
}

async function upload({ oid, path, action }) {
  const { chunk_size, ...addresses } = action.header, parts = [], length = Number(chunk_size), file = await openAsBlob(path);
  for (const address of Object.values(addresses)) {
    const at = parts.length * length;
    const answer = await fetch(address, { method: "PUT", body: await file.slice(at, at + length).arrayBuffer() });
    if (!answer.ok)
      return { error: { code: answer.status, message: await answer.text() } };
    parts.push({ partNumber: parts.length + 1, etag: answer.headers.get("etag") });
    say({ event: "progress", oid, bytesSoFar: Math.min(at + length, file.size), bytesSinceLast: Math.min(length, file.size - at) });
  }
  const answer = await fetch(action.href, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ oid, parts }) });
  // The hub begins to answer while it still puts the parts together: only the answer's end says that they are.
  const said = await answer.text();
  return answer.ok ? {} : { error: { code: answer.status, message: said } };
}
