// What Lighthouse says of pages in the Chromium of this machine: node lighthouse.mjs CHROMIUM {"address": …, "cookie": …, "paths": […]}
// prints for each path its scores of accessibility and best practices, the bytes of a first visit without images, and what was found.
import lighthouse from "lighthouse";
import { launch } from "chrome-launcher";

const [chromePath, job] = process.argv.slice(2);
const { address, cookie, paths } = JSON.parse(job);
const chrome = await launch({ chromePath, chromeFlags: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"] });
const told = [];
try {
  for (const path of paths) {
    const { lhr } = await lighthouse(address + path, {
      port: chrome.port,
      logLevel: "error",
      onlyCategories: ["accessibility", "best-practices"],
      onlyAudits: ["network-requests"],
      extraHeaders: cookie ? { Cookie: cookie } : {},
      throttlingMethod: "provided",
    });
    const requests = lhr.audits["network-requests"].details?.items ?? [];
    told.push({
      path,
      status: requests[0]?.statusCode,
      accessibility: Math.round(100 * lhr.categories.accessibility.score),
      practices: Math.round(100 * lhr.categories["best-practices"].score),
      bytes: requests.filter(r => r.resourceType !== "Image" && r.resourceType !== "Media").reduce((sum, r) => sum + r.transferSize, 0),
      found: Object.values(lhr.audits).filter(a => a.score !== null && a.score < 0.9 && a.id !== "network-requests")
        .map(a => `${a.id}: ${(a.details?.items ?? []).slice(0, 3).map(i => i.node?.snippet ?? i.description ?? i.url ?? "").join(" ").slice(0, 400)}`),
    });
  }
} finally {
  await chrome.kill();
}
console.log(JSON.stringify(told));
