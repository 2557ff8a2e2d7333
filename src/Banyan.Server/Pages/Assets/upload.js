// Sends the files of the upload form in pieces: progress, speed, time left; a broken connection costs a piece, and the same files chosen again continue.
// The form is the server's, and works without this.
const form = document.querySelector("form[data-pieces]");
if (form) {
  const texts = JSON.parse(form.dataset.texts), language = document.documentElement.lang, most = 2, window_ = 8000;
  const list = form.querySelector(".sending"), status = form.querySelector("[role=status]"), button = form.querySelector("button[type=submit]");
  const drop = form.querySelector(".drop");
  let dropped = [], items = [], busy = false;

  const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const number = (value, digits) => value.toLocaleString(language, { maximumFractionDigits: digits });
  const bytes = (size) => {
    for (const [unit, of] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (size >= of) return `${number(size / of, size < 10 * of ? 1 : 0)} ${unit}`;
    return `${number(size, 0)} B`;
  };
  const clock = (seconds) => {
    const s = Math.ceil(seconds), two = (n) => String(n).padStart(2, "0");
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };
  const pause = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));

  // What was chosen. A whole folder goes where the form says, without its own name and its git.
  const inner = (path) => path.slice(path.indexOf("/") + 1);
  function choose() {
    if (busy) return;
    const files = [
      ...[...form.elements.file.files].map((file) => ({ file, name: file.name })),
      ...[...form.elements.directory.files].map((file) => ({ file, name: inner(file.webkitRelativePath) })),
      ...dropped,
    ].filter(({ name }) => !name.split("/").includes(".git"));
    list.replaceChildren(...(items = files.map(({ file, name }) => {
      const item = { file, name, size: file.size, sent: 0, loading: new Map(), samples: [], row: document.createElement("li"), bar: document.createElement("progress"), note: document.createElement("small") };
      const title = document.createElement("span");
      title.textContent = name;
      item.bar.max = Math.max(1, file.size);
      item.bar.value = 0;
      item.bar.setAttribute("aria-label", name);
      item.note.textContent = bytes(file.size);
      item.row.append(title, item.bar, item.note);
      return item;
    })).map((item) => item.row));
  }
  form.elements.file.addEventListener("change", choose);
  form.elements.directory.addEventListener("change", choose);

  async function walk(entry, folder, into) {
    if (entry.isFile) into.push({ file: await new Promise((got, failed) => entry.file(got, failed)), name: folder + entry.name });
    else
      for (const reader = entry.createReader(); ;) {
        const some = await new Promise((got, failed) => reader.readEntries(got, failed));
        if (!some.length) break;
        for (const child of some) await walk(child, `${folder}${entry.name}/`, into);
      }
  }
  drop.hidden = false;
  for (const type of ["dragover", "dragleave", "drop"])
    form.addEventListener(type, (event) => { event.preventDefault(); form.classList.toggle("dragging", type === "dragover"); });
  form.addEventListener("drop", async (event) => {
    const entries = [...event.dataTransfer.items].filter((i) => i.kind === "file").map((i) => i.webkitGetAsEntry() ?? i.getAsFile()), found = [];
    for (const entry of entries) {
      if (entry instanceof File) found.push({ file: entry, name: entry.name });
      else await walk(entry, "", found);
    }
    dropped = [...dropped, ...found.map((f) => ({ file: f.file, name: f.name.includes("/") && entries.length === 1 ? inner(f.name) : f.name }))];
    choose();
  });

  // Requests. What may be better in a while is tried again; what the hub refused is final.
  const problem = (message, isFinal) => Object.assign(new Error(message), { isFinal });
  const passes = (code) => code === 408 || code === 429 || (code >= 500 && code !== 501 && code !== 507);
  async function ask(address, body) {
    const isForm = body instanceof FormData;
    let response, text;
    try {
      response = await fetch(address, { method: "POST", headers: { Accept: "application/json", "X-Form-Token": form.elements._token.value, ...(isForm ? {} : { "Content-Type": "application/json" }) }, body: isForm ? body : JSON.stringify(body) });
      text = await response.text();
    } catch { throw problem("", false); }
    let answer = {};
    try { answer = JSON.parse(text); } catch { if (response.ok) throw problem("", false); }
    if (!response.ok) throw problem(answer.error ?? String(response.status), !passes(response.status));
    return answer;
  }
  const about = (item) => ({ name: item.name, size: item.size, modified: item.file.lastModified });
  function put(item, piece, stop) {
    return new Promise((done, failed) => {
      const from = (piece - 1) * item.pieceBytes, request = new XMLHttpRequest();
      request.open("PUT", `${form.dataset.pieces}?${new URLSearchParams({ ...about(item), piece })}`);
      request.setRequestHeader("X-Form-Token", form.elements._token.value);
      request.upload.onprogress = (event) => item.loading.set(piece, event.loaded);
      request.onload = () => {
        item.loading.delete(piece);
        if (request.status === 200) { item.sent += Math.min(item.pieceBytes, item.size - from); done(); }
        else failed(problem(request.getResponseHeader("X-Error-Message") ?? String(request.status), !passes(request.status)));
      };
      request.onerror = request.onabort = () => { item.loading.delete(piece); failed(problem("", false)); };
      stop.addEventListener("abort", () => request.abort());
      request.send(item.file.slice(from, from + item.pieceBytes));
    });
  }
  const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");

  async function send(folder) {
    const open = items.filter((item) => !item.done), queue = [];
    const arrived = open.length ? await ask(form.dataset.pieces, open.map(about)) : [];
    for (const [i, item] of open.entries()) {
      try { await item.file.slice(0, 1).arrayBuffer(); } catch (gone) { throw problem(`${item.name}: ${gone.message}`, true); }
      Object.assign(item, { pieceBytes: arrived[i].pieceBytes, sent: 0, left: 0, samples: [], loading: new Map() });
      for (const [j, sha256] of arrived[i].pieces.entries()) {
        const from = j * item.pieceBytes, to = Math.min(item.size, from + item.pieceBytes);
        let here = sha256 !== "";
        // Where the browser can (not over plain HTTP), the file is compared with what arrived of it.
        if (here && window.crypto?.subtle) {
          item.comparing = true;
          here = hex(await crypto.subtle.digest("SHA-256", await item.file.slice(from, to).arrayBuffer())) === sha256;
        }
        if (here) item.sent += to - from;
        else { item.left++; queue.push([item, j + 1]); }
      }
      item.comparing = false;
      if (item.left === 0) queue.push([item, 0]);
    }
    const stop = new AbortController();
    let wrong = null;
    await Promise.all(Array.from({ length: most }, async () => {
      for (let next; !wrong && (next = queue.shift());) {
        const [item, piece] = next;
        try {
          if (piece) await put(item, piece, stop.signal);
          if (piece && --item.left > 0) continue;
          item.joining = true;
          const path = folder ? `${folder}/${item.name}` : item.name;
          // A long file is put together now; short ones with their commit.
          item.sha256 = item.size > item.pieceBytes ? (await ask(`${form.dataset.pieces}/join`, { ...about(item), path })).sha256 : undefined;
          item.done = true;
        } catch (e) {
          wrong ??= e;
          stop.abort();
        }
        item.joining = false;
      }
    }));
    if (wrong) throw wrong;
  }
  async function commit(folder) {
    const fields = new FormData(form);
    fields.delete("file");
    fields.delete("directory");
    fields.append("sent", JSON.stringify(items.map((item) => ({ ...about(item), path: folder ? `${folder}/${item.name}` : item.name, sha256: item.sha256 }))));
    try { return await ask(form.action, fields); }
    catch (e) {
      // It may have been made, and the pieces of short files with it.
      for (const item of items) item.done &&= item.sha256 !== undefined;
      throw e;
    }
  }

  function show() {
    const now = performance.now();
    let all = 0, sent = 0;
    for (const item of items) {
      const so = item.done ? item.size : item.sent + [...item.loading.values()].reduce((a, b) => a + b, 0);
      all += item.size;
      sent += so;
      item.bar.value = item.done && item.size === 0 ? 1 : Math.min(so, item.size);
      if (item.done) { item.note.textContent = `${bytes(item.size)} · ${texts.done}`; continue; }
      if (item.joining || item.comparing) { item.note.textContent = item.joining ? texts.joining : texts.comparing; continue; }
      if (!item.loading.size) item.samples = [];
      item.samples.push([now, so]);
      while (item.samples.length > 2 && now - item.samples[0][0] > window_) item.samples.shift();
      const [since, from] = item.samples[0], speed = now > since ? (so - from) * 1000 / (now - since) : 0;
      item.note.textContent = speed > 0
        ? say(texts.progress, { sent: bytes(so), size: bytes(item.size), speed: bytes(speed), left: clock((item.size - so) / speed) }) : `${bytes(so)} / ${bytes(item.size)}`;
    }
    document.title = `${all ? Math.floor(100 * sent / all) : 100} % · ${form.dataset.title}`;
  }

  addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !items.length) { if (!items.length) status.textContent = texts.none; return; }
    busy = button.disabled = true;
    status.textContent = texts.sending;
    const folder = form.elements.folder.value.trim().replace(/^\/+|\/+$/g, ""), ticking = setInterval(show, 300);
    try {
      for (let wait = 1, before = 0; ;) {
        try {
          await send(folder);
          show();
          status.textContent = texts.committing;
          const { address } = await commit(folder);
          busy = false;
          location.assign(address);
          return;
        } catch (e) {
          if (e.isFinal !== false) throw e;
          const sent = items.reduce((sum, item) => sum + (item.done ? item.size : item.sent), 0);
          wait = sent > before ? 1 : Math.min(30, wait * 2);
          before = sent;
          status.textContent = say(texts.lost, { seconds: wait });
          await Promise.race([pause(wait), new Promise((go) => addEventListener("online", go, { once: true }))]);
          status.textContent = texts.sending;
        }
      }
    } catch (e) {
      status.textContent = say(texts.stopped, { message: e.message });
    } finally {
      clearInterval(ticking);
      show();
      busy = button.disabled = false;
    }
  });
}
