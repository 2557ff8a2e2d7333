// The npm package @huggingface/hub, unmodified, does what its users do: `node hub.mjs HUB TOKEN USER FOLDER`.
// Writes FOLDER/report.json: what each feature came to, or the error it raised.
import { createHash, randomFillSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as hub from "@huggingface/hub";

const [hubUrl, accessToken, user, folder] = process.argv.slice(2);
const all = { hubUrl, accessToken };
const name = `${user}/js-model`;
const repo = { type: "model", name };
const report = {};

async function feature(title, work) {
  // A feature that hangs is a difference like any other. Far longer than any takes on a busy machine: snapshotDownload alone asks three
  // times for each of a thousand files, one after the other.
  let timer;
  const patience = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("no answer in ten minutes")), 600_000); });
  try {
    report[title] = (await Promise.race([work(), patience])) ?? null;
  } catch (e) {
    report[title] = { error: e.constructor.name, status: e.statusCode, message: e.message.split(". URL:")[0] };
  } finally {
    clearTimeout(timer);
  }
}
const bytes = (length, step) => { const b = Buffer.alloc(length); for (let i = 0, x = step; i < length; i += 4) { x = (Math.imul(x, 1664525) + 1013904223) >>> 0; b.writeUInt32LE(x, i); } return b; };
const sha256 = async (blob) => createHash("sha256").update(Buffer.from(await blob.arrayBuffer())).digest("hex");
const listed = async (options) => { const files = []; for await (const f of hub.listFiles({ ...all, repo, ...options })) files.push(f); return files; };
const same = async (blob, expected) => blob !== null && Buffer.from(await blob.arrayBuffer()).equals(expected);

const large = bytes(6_000_000, 1), changed = Buffer.from(large), whole = bytes(3_000_000, 7), parts = bytes(12_000_000, 9);
changed.fill(1, 3_000_000, 3_000_100);
const lfs = new Blob([large]), secret = `${user}/js-private`;

await feature("whoAmI", async () => { const me = await hub.whoAmI(all); return { type: me.type, name: me.name, role: me.auth.accessToken?.role }; });
await feature("createRepo", async () => (await hub.createRepo({ ...all, repo, private: false })).repoUrl === `${hubUrl}/${name}`);
await feature("createRepo again", () => hub.createRepo({ ...all, repo }));
await feature("createRepo with files", async () => void await hub.createRepo({ ...all, repo: { type: "dataset", name: `${user}/js-data` }, private: true, files: [{ path: "README.md", content: new Blob(["# data"]) }] }));
await feature("collections", async () => {
  const { slug } = await hub.createCollection({ ...all, collection: { title: "By JavaScript", namespace: user, private: false, item: { type: "model", id: name } } });
  const found = []; for await (const c of hub.listCollections({ ...all, search: { owner: [user], item: [`models/${name}`] } })) found.push(c.slug === slug && { title: c.title, owner: c.owner.name, items: c.items.map(i => `${i.type} ${i.id}`) });
  await hub.deleteCollection({ ...all, slug });
  return found;
});
await feature("repoExists", async () => [await hub.repoExists({ ...all, repo }), await hub.repoExists({ ...all, repo: `${user}/nothing` })]);
await feature("checkRepoAccess of nothing", () => hub.checkRepoAccess({ ...all, repo: `${user}/nothing` }));
await feature("uploadFile, small", async () => { const done = await hub.uploadFile({ ...all, repo, file: new File(["hello"], "hello.txt"), commitTitle: "Say hello" }); return { oid: /^[0-9a-f]{40}$/.test(done.commit.oid), url: done.commit.url.startsWith(`${hubUrl}/${name}/commit/`) }; });
await feature("uploadFile, by Xet", async () => void await hub.uploadFile({ ...all, repo, file: { path: "weights/large.bin", content: lfs }, useXet: true }));
await feature("uploadFile, changed in the middle, by Xet", async () => void await hub.uploadFile({ ...all, repo, file: { path: "weights/changed.bin", content: new Blob([changed]) }, useXet: true }));
await feature("uploadFile, whole", async () => void await hub.uploadFile({ ...all, repo, file: { path: "whole.bin", content: new Blob([whole]) }, useXet: false }));
await feature("uploadFile, in parts", async () => void await hub.uploadFile({ ...all, repo, file: { path: "parts.bin", content: new Blob([parts]) }, useXet: false }));
await feature("uploadFiles, a folder of 1,000", async () => {
  const files = Array.from({ length: 1000 }, (_, i) => ({ path: `many/${String(i).padStart(4, "0")}.txt`, content: new Blob([`file ${i}`]) }));
  await hub.uploadFiles({ ...all, repo, files, commitTitle: "A thousand" });
  return (await listed({ path: "many" })).length;
});
await feature("uploadFiles from disk", async () => {
  const local = join(folder, "disk"); mkdirSync(join(local, "sub"), { recursive: true });
  writeFileSync(join(local, "a.md"), "a"); writeFileSync(join(local, "sub", "b.json"), "{}");
  await hub.uploadFiles({ ...all, repo, files: [pathToFileURL(local)] });
  return (await listed({ recursive: true })).filter(f => f.path.endsWith("a.md") || f.path.endsWith("b.json")).map(f => f.path).sort();
});
await feature("uploadFilesWithProgress", async () => { const phases = new Set(); for await (const e of hub.uploadFilesWithProgress({ ...all, repo, files: [{ path: "progress.bin", content: new Blob([bytes(1_000_000, 3)]) }], useXet: true })) phases.add(e.event === "phase" ? e.phase : e.event); return [...phases].sort(); });
await feature("commit: add, delete, edit", async () => {
  await hub.commit({ ...all, repo, title: "Several", operations: [{ operation: "addOrUpdate", path: "new.txt", content: new Blob(["new"]) }, { operation: "delete", path: "progress.bin" }] });
  const original = await hub.downloadFile({ ...all, repo, path: "weights/large.bin" });
  await hub.commit({ ...all, repo, title: "Edit", operations: [{ operation: "edit", path: "weights/edited.bin", originalContent: original, edits: [{ start: 10, end: 20, content: new Blob(["0123456789"]) }] }] });
  const expected = Buffer.from(large); expected.write("0123456789", 10);
  return await same(await hub.downloadFile({ ...all, repo, path: "weights/edited.bin" }), expected);
});
await feature("commit conflict", async () => { const [first] = await commits(); await hub.uploadFile({ ...all, repo, file: new File(["x"], "x.txt") }); await hub.uploadFile({ ...all, repo, file: new File(["y"], "y.txt"), parentCommit: first.oid }); });
await feature("commit with the right parent", async () => { const [first] = await commits(); await hub.uploadFile({ ...all, repo, file: new File(["y"], "y.txt"), parentCommit: first.oid }); });
await feature("uploadFile as a pull request", async () => { const done = await hub.uploadFile({ ...all, repo, file: new File(["pr"], "pr.txt"), isPullRequest: true }); const seen = (revision) => hub.fileExists({ ...all, repo, path: "pr.txt", revision }); return [done.pullRequestUrl === `${hubUrl}/${name}/discussions/1`, await seen("refs/pr/1"), await seen("main")]; });
await feature("upload with a wrong token", () => hub.uploadFile({ hubUrl, accessToken: "hf_" + "x".repeat(34), repo, file: new File(["z"], "z.txt") }));
await feature("upload of a bad path", () => hub.uploadFile({ ...all, repo, file: { path: "../evil.txt", content: new Blob(["z"]) } }));

await feature("listFiles", async () => (await listed({ recursive: true })).filter(f => !f.path.startsWith("many/")).map(f => `${f.type} ${f.path} ${f.size} ${f.lfs ? "lfs" : ""}${f.xetHash ? " xet" : ""}`.trim()).sort());
await feature("listFiles, expanded", async () => { const [f] = (await listed({ expand: true })).filter(f => f.path === "hello.txt"); return { title: f.lastCommit.title, oid: /^[0-9a-f]{40}$/.test(f.lastCommit.id) }; });
await feature("downloadFile, by Xet", async () => same(await hub.downloadFile({ ...all, repo, path: "weights/large.bin" }), large));
await feature("downloadFile, range by Xet", async () => same((await hub.downloadFile({ ...all, repo, path: "weights/changed.bin" })).slice(2_900_000, 3_100_001), changed.subarray(2_900_000, 3_100_001)));
await feature("downloadFile, whole", async () => same(await hub.downloadFile({ ...all, repo, path: "weights/changed.bin", xet: false }), changed));
await feature("downloadFile, range", async () => same((await hub.downloadFile({ ...all, repo, path: "parts.bin", xet: false })).slice(11_999_000, 12_000_000), parts.subarray(11_999_000)));
await feature("downloadFile, uploaded whole, by Xet", async () => same(await hub.downloadFile({ ...all, repo, path: "whole.bin" }), whole));
await feature("downloadFile, raw pointer", async () => (await (await hub.downloadFile({ ...all, repo, path: "whole.bin", raw: true })).text()).split("\n").map(l => l.split(" ")[0]));
await feature("downloadFile, small", async () => (await hub.downloadFile({ ...all, repo, path: "hello.txt" })).text());
await feature("downloadFile of nothing", () => hub.downloadFile({ ...all, repo, path: "nothing.txt" }));
await feature("fileDownloadInfo", async () => { const i = await hub.fileDownloadInfo({ ...all, repo, path: "weights/large.bin" }); return { size: i.size, etag: i.etag.replaceAll('"', "") === createHash("sha256").update(large).digest("hex"), xet: !!i.xet, url: !!i.url }; });
await feature("fileExists", async () => [await hub.fileExists({ ...all, repo, path: "hello.txt" }), await hub.fileExists({ ...all, repo, path: "nothing" })]);
await feature("pathsInfo", async () => (await hub.pathsInfo({ ...all, repo, paths: ["hello.txt", "weights", "weights/large.bin", "nothing"] })).map(p => `${p.type} ${p.path} ${p.size}`).sort());
await feature("listCommits", async () => (await commits()).map(c => c.title).slice(-3));
await feature("countCommits", async () => (await hub.countCommits({ ...all, repo })) === (await commits()).length);
await feature("createBranch", async () => void await hub.createBranch({ ...all, repo, branch: "side" }));
await feature("createBranch again", () => hub.createBranch({ ...all, repo, branch: "side" }));
await feature("createBranch, overwrite", async () => void await hub.createBranch({ ...all, repo, branch: "side", overwrite: true }));
await feature("uploadFile to a branch", async () => { await hub.uploadFile({ ...all, repo, branch: "side", file: new File(["side"], "side.txt") }); return [await hub.fileExists({ ...all, repo, path: "side.txt", revision: "side" }), await hub.fileExists({ ...all, repo, path: "side.txt" })]; });
await feature("deleteBranch", async () => void await hub.deleteBranch({ ...all, repo, branch: "side" }));
await feature("modelInfo", async () => { const m = await hub.modelInfo({ ...all, name, additionalFields: ["sha", "author", "tags", "library_name"] }); return { name: m.name, private: m.private, author: m.author, sha: /^[0-9a-f]{40}$/.test(m.sha), tags: Array.isArray(m.tags) }; });
await feature("datasetInfo", async () => { const m = await hub.datasetInfo({ ...all, name: `${user}/js-data` }); return { name: m.name, private: m.private }; });
await feature("listModels", async () => { const names = []; for await (const m of hub.listModels({ ...all, search: { owner: user } })) names.push(m.name); return names.sort(); });
await feature("listModels, by words", async () => { const names = []; for await (const m of hub.listModels({ ...all, search: { query: "js-mod" } })) names.push(m.name); return names; });
await feature("listDatasets", async () => { const names = []; for await (const m of hub.listDatasets({ ...all, search: { owner: user } })) names.push(m.name); return names; });
await feature("snapshotDownload", async () => { const path = await hub.snapshotDownload({ ...all, repo, cacheDir: join(folder, "cache") }); return [readFileSync(join(path, "weights/changed.bin")).equals(changed), readFileSync(join(path, "many/0999.txt"), "utf8")]; });
await feature("downloadFileToCacheDir", async () => readFileSync(await hub.downloadFileToCacheDir({ ...all, repo, path: "parts.bin", cacheDir: join(folder, "cache2") })).equals(parts));
await feature("scanCacheDir", async () => { const info = await hub.scanCacheDir(join(folder, "cache")); return info.repos.map(r => r.id.name); });
await feature("parseSafetensorsMetadata", async () => {
  const header = Buffer.from(JSON.stringify({ w: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] } }));
  const length = Buffer.alloc(8); length.writeBigUInt64LE(BigInt(header.length));
  await hub.uploadFile({ ...all, repo, file: { path: "model.safetensors", content: new Blob([length, header, Buffer.alloc(16)]) } });
  return (await hub.parseSafetensorsMetadata({ ...all, repo, computeParametersCount: true })).parameterCount;
});
await feature("private repo for nobody", async () => hub.listFiles({ hubUrl, repo: { type: "dataset", name: `${user}/js-data` } }).next());
await feature("public repo for nobody", async () => (await hub.downloadFile({ hubUrl, repo, path: "hello.txt" })).text());
await feature("deleteFile", async () => { await hub.deleteFile({ ...all, repo, path: "hello.txt" }); return hub.fileExists({ ...all, repo, path: "hello.txt" }); });
await feature("deleteFiles", async () => { await hub.deleteFiles({ ...all, repo, paths: ["new.txt", "y.txt"] }); return (await listed()).map(f => f.path).filter(p => p === "new.txt" || p === "y.txt"); });
await feature("deleteRepo", async () => { await hub.deleteRepo({ ...all, repo }); return hub.repoExists({ ...all, repo }); });

async function commits() { const list = []; for await (const c of hub.listCommits({ ...all, repo })) list.push(c); return list; }
writeFileSync(join(folder, "report.json"), JSON.stringify(report, null, 1) + "\n");
process.exit(0);
