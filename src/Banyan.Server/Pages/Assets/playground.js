// Streams what the forms would fetch whole, from the same public API a program would use. The pages work without this file.
const $ = id => document.getElementById(id);
const CURSOR = '<CURSOR>';
// Where the hub is, which a proxy may show below a path.
const root = new URL('..', import.meta.url).pathname;
const texts = JSON.parse(document.body.dataset.say);
const say = (key, values) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const wide = matchMedia('(min-width: 52.01rem)');
document.documentElement.classList.add('js');

// ---- the API ----

const headers = () => {
  const key = $('key')?.value;
  if (key) sessionStorage.setItem('key', key);
  return { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key}` }) };
};

/** Posts and yields the events of the answer. Throws an Error with the server's message and code. */
async function* stream(path, body, signal) {
  const response = await fetch(path, { method: 'POST', headers: headers(), body: JSON.stringify({ ...body, stream: true }), signal });
  if (!response.ok) throw failure((await response.json()).error);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, '');
      if (data === '[DONE]') return;
      const json = JSON.parse(data);
      if (json.error) throw failure(json.error);
      yield json;
    }
  }
}

const failure = error => Object.assign(new Error(error.message), { code: error.code });

/** What went wrong in the page's words, if it has any for it, and in the API's. */
const complaint = error => {
  const told = make('span', 'error', texts[`error.${error.code}`] ? texts[`error.${error.code}`] + ' ' : '');
  told.append(Object.assign(make('span', '', error.message), { lang: 'en', dir: 'ltr' }));
  return told;
};

const settings = () => ({
  model: $('model').value,
  temperature: Number($('temperature').value),
  max_tokens: Number($('max_tokens').value),
  ...($('seed').value && { seed: Number($('seed').value) }),
});

// ---- tokens, shaded by probability (the markup of Tokens.razor) ----

const percent = p => p >= 0.0995 ? `${Math.round(p * 100)}%` : `${(p * 100).toFixed(1)}%`;
const shade = p => p >= 0.9 ? 'p9' : p >= 0.6 ? 'p6' : p >= 0.3 ? 'p3' : p >= 0.1 ? 'p1' : 'p0';
const shown = text => text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '⇥') || '∅';

const make = (tag, className, ...content) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
};

function tokenElement(text, probability, alternatives) {
  const alt = make('span', 'alt', make('b', '', percent(probability)));
  alt.setAttribute('role', 'tooltip');
  for (const [name, p] of alternatives) {
    const meter = make('meter');
    meter.max = 1;
    meter.value = p;
    alt.append(make('span', 'row', make('code', '', shown(name)), meter, make('span', '', percent(p))));
  }
  const token = make('span', `t ${shade(probability)}`, text, alt);
  token.tabIndex = -1;
  return token;
}

/** Writes pieces into an element; a piece without text (half a character) waits for the one that completes it. */
function tokenWriter(element) {
  let held = null, text = '';
  element.classList.add('writing');
  return {
    get text() { return text; },
    write(piece, logprob, alternatives) {
      held ??= logprob === undefined ? null : { p: Math.exp(logprob), alternatives: alternatives.map(([name, l]) => [name, Math.exp(l)]).sort((a, b) => b[1] - a[1]) };
      if (!piece) return;
      const token = tokenElement(piece, held?.p ?? 1, held?.alternatives ?? []);
      if (!text) token.tabIndex = 0;
      element.append(token);
      text += piece;
      held = null;
    },
    end() { element.classList.remove('writing'); },
  };
}

// A tooltip that would leave the page opens to the other side; arrow keys walk through the tokens.
function place(event) {
  const token = event.target.closest?.('.t'), alt = token?.querySelector('.alt');
  if (!alt || !wide.matches) return;
  const { left, bottom } = token.getBoundingClientRect();
  alt.classList.toggle('left', left + 360 > document.documentElement.clientWidth);
  alt.classList.toggle('up', bottom + 190 > innerHeight);
}
addEventListener('pointerover', place);
addEventListener('focusin', place);
addEventListener('keydown', event => {
  const token = document.activeElement?.closest('.t');
  const next = token && { ArrowRight: token.nextElementSibling, ArrowLeft: token.previousElementSibling }[event.key];
  if (next?.matches('.t')) { next.focus(); event.preventDefault(); }
});

// ---- speed and memory ----

function speedometer(element) {
  const began = performance.now();
  let first = 0, count = 0;
  const show = (...items) => element.replaceChildren(...items.filter(Boolean).map(i => make('span', '', i)));
  const number = n => n.toFixed(n < 10 ? 1 : 0);
  const time = ms => ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`;
  return {
    tick() {
      if (!first) first = performance.now();
      if (++count > 1) show(say('speed', { count: number((count - 1) / (performance.now() - first) * 1000) }), say('tokens', { count }));
    },
    async end(timings) {
      const status = await fetch(root + 'status', { headers: headers() }).then(r => r.ok ? r.json() : null, () => null);
      const mb = status && status.memory_bytes / 1e6;
      show(timings && say('speed', { count: number(timings.predicted_per_second) }),
        say('tokens_in', { count: timings?.predicted_n ?? count, time: time(timings?.predicted_ms ?? performance.now() - began) }),
        timings && say('prompt_in', { count: timings.prompt_n + timings.cache_n, time: time(timings.prompt_ms) }),
        mb && say('memory', { size: mb >= 1000 ? (mb / 1000).toFixed(1) + ' GB' : mb.toFixed(0) + ' MB' }));
    },
  };
}

/** One generation at a time, or several side by side; a second call stops those before. */
let running = null;
function begin() {
  running?.abort();
  $('stop').hidden = false;
  return running = new AbortController();
}
function finish(mine) {
  if (running === mine) { running = null; $('stop').hidden = true; }
}

async function generate(mine, body, path, onEvent, stats = $('stats')) {
  const speed = speedometer(stats);
  let timings;
  try {
    for await (const event of stream(path, body, mine.signal)) {
      timings = event.timings ?? timings;
      if (event.choices?.[0]) { speed.tick(); onEvent(event.choices[0]); }
    }
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
  } finally {
    speed.end(timings);
  }
}

// ---- completion ----

function completionPage(form) {
  const text = $('text'), out = $('out'), accept = $('accept');
  let offer = null;

  const at = text.value.indexOf(CURSOR);
  if (at >= 0) {
    text.value = text.value.replace(CURSOR, '');
    text.setSelectionRange(at, at);
    if (wide.matches) text.focus({ preventScroll: true });
  }

  async function complete() {
    let from = text.selectionStart, to = text.selectionEnd, value = text.value;
    const marker = value.indexOf(CURSOR);
    if (marker >= 0) [from, to] = [marker, marker + CURSOR.length];
    const before = value.slice(0, from), after = value.slice(to);
    forget();
    const gap = after.trim() !== '' && form.dataset.fim === 'true';
    const written = make('span'), writer = tokenWriter(written);
    out.replaceChildren(make('span', 'given', before), written, make('span', 'given', gap ? after : ''));
    if (!wide.matches) out.closest('.pane').scrollIntoView({ behavior: 'smooth' });
    const onEvent = choice => {
      const l = choice.logprobs;
      writer.write(choice.text, l?.token_logprobs[0], Object.entries(l?.top_logprobs?.[0] ?? {}));
    };
    const body = { ...settings(), prompt: before, logprobs: 5 };
    const mine = begin();
    try {
      await generate(mine, gap ? { ...body, suffix: after } : body, root + 'v1/completions', onEvent);
      if (writer.text && text.value === value) {
        offer = { from, to, written: writer.text };
        accept.hidden = false;
      }
    } catch (error) {
      if (error.code === 'fim_unsupported') {
        form.dataset.fim = 'false';
        return complete();
      }
      out.replaceChildren(complaint(error));
    } finally {
      finish(mine);
      writer.end();
    }
  }

  function forget() { offer = null; accept.hidden = true; }

  function take() {
    const { from, to, written } = offer;
    forget();
    text.focus();
    text.setSelectionRange(from, to);
    // insertText keeps the browser's undo; setRangeText where there is no such command.
    if (!document.execCommand('insertText', false, written)) text.setRangeText(written, from, to, 'end');
  }

  form.addEventListener('submit', event => { event.preventDefault(); complete(); });
  accept.addEventListener('click', take);
  text.addEventListener('input', forget);
  text.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); complete(); }
    else if (event.key === 'Tab' && !event.shiftKey && offer) { event.preventDefault(); take(); }
    else if (event.key === 'Escape') { running?.abort(); forget(); }
  });
}

// ---- chat ----

function chatPage(form) {
  const message = $('message'), talk = $('talk'), hint = message.placeholder;
  // A conversation for each model that answers side by side; the first is the form's.
  const conversations = [JSON.parse($('history').value || '[]')];
  $('again').hidden = conversations[0].length === 0;

  function turn(role, name, place = talk) {
    const said = make('div', 'said');
    place.append(make('article', `turn ${role}`, make('h2', '', name), said));
    return said;
  }

  /** What the editors hold: tools as the API takes them, or the functions alone. */
  function shape() {
    const read = id => {
      try { return $(id).value.trim() ? JSON.parse($(id).value) : null; }
      catch (error) { throw new Error(`${$(id).labels[0].firstChild.data.trim()}: ${error.message}`); }
    };
    const tools = read('tools'), schema = read('schema');
    return {
      ...(tools && { tools: [tools].flat().map(t => t.function ? t : { type: 'function', function: t }) }),
      ...(schema && { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } }),
    };
  }

  // A call waits for its result, which is what is written next.
  const waiting = messages => {
    const at = messages.findLastIndex(m => m.role !== 'tool');
    return messages[at]?.tool_calls?.find(c => !messages.slice(at).some(m => m.tool_call_id === c.id));
  };

  async function answer(mine, model, messages, place, stats) {
    const said = turn('assistant', model, place), writer = tokenWriter(said), calls = [], count = messages.length;
    let thought = null;
    try {
      await generate(mine, { ...settings(), ...shape(), model, messages, logprobs: true, top_logprobs: 5 }, root + 'v1/chat/completions', choice => {
        const { reasoning_content: reason, tool_calls, content } = choice.delta;
        if (reason) {
          if (!thought) said.before(thought = make('details', 'thought', make('summary', '', texts.reasoning)));
          thought.append(reason);
        }
        for (const { index, id, function: f } of tool_calls ?? []) {
          if (id) {
            calls[index] = { id, type: 'function', function: { name: f.name, arguments: '' } };
            said.after(calls[index].shown = make('pre', 'call', `${f.name}(`));
          }
          calls[index].function.arguments += f.arguments;
          calls[index].shown.append(f.arguments);
        }
        const l = choice.logprobs?.content[0];
        if (content !== undefined) writer.write(content, l?.logprob, l?.top_logprobs.map(t => [t.token, t.logprob]) ?? []);
        message.scrollIntoView({ block: 'nearest' });
      }, stats ?? said.parentElement.appendChild(make('p', 'stats')));
      for (const { shown } of calls) shown.append(')');
      messages.push({ role: 'assistant', content: writer.text, ...(calls.length && { tool_calls: calls.map(({ shown, ...call }) => call) }) });
    } catch (error) {
      messages.length = count - 1;
      said.append(complaint(error));
    } finally {
      if (calls.length && !writer.text) said.hidden = true;
      writer.end();
    }
  }

  async function send() {
    const text = message.value.trim();
    if (!text || $('go').disabled) return;
    const models = [$('model').value, $('beside')?.value].filter(Boolean);
    message.value = '';
    $('again').hidden = false;
    conversations.length = Math.min(conversations.length, models.length);
    while (conversations.length < models.length) conversations.push(structuredClone(conversations[0]));
    const call = waiting(conversations[0]);
    for (const messages of conversations) {
      const own = waiting(messages);
      messages.push(own ? { role: 'tool', tool_call_id: own.id, name: own.function.name, content: text } : { role: 'user', content: text });
    }
    turn('user', call ? say('result', { name: call.function.name }) : texts.you).append(text);
    if (!waiting(conversations[0])) {
      const mine = begin(), place = models.length > 1 ? talk.appendChild(make('div', 'pair')) : talk;
      message.scrollIntoView({ block: 'nearest' });
      await Promise.all(models.map((model, i) => answer(mine, model, conversations[i], place, models.length > 1 ? null : $('stats'))));
      finish(mine);
    }
    const next = waiting(conversations[0]);
    message.placeholder = next ? say('result', { name: next.function.name }) : hint;
    $('history').value = JSON.stringify(conversations[0]);
  }

  form.addEventListener('submit', event => { event.preventDefault(); send(); });
  message.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && wide.matches) { event.preventDefault(); send(); }
    else if (event.key === 'Escape') running?.abort();
  });
}

// ---- both ----

if ($('key')) $('key').value = sessionStorage.getItem('key') ?? '';
$('stop')?.addEventListener('click', () => running?.abort());
document.querySelector('select[name=model]')?.addEventListener('change', event => { location.search = `?model=${encodeURIComponent(event.target.value)}`; });
if ($('complete')) completionPage($('complete'));
if ($('chat')) chatPage($('chat'));

// The model is loaded while the page is already there.
(async function watch() {
  const state = $('state');
  while (state.dataset.state === 'loading') {
    const response = await fetch(root + 'health').catch(() => null), health = await response?.json();
    if (response?.ok) { state.dataset.state = 'ready'; state.textContent = say('ready', { name: $('model').value }); }
    else {
      state.textContent = health?.status === 'error' ? health.message : say('progress', { name: $('model').value, percent: `${Math.round((health?.progress ?? 0) * 100)}%` });
      if (health?.status === 'error') state.dataset.state = 'failed';
      await new Promise(resolve => setTimeout(resolve, 400));
    }
  }
})();
