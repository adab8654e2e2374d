/*
 * Keeps the page up to date: Server-Sent Events say that something has changed, then the status is fetched. Where the stream
 * breaks, polling goes on, so nothing on the page is older than POLL_MS while the server answers; when it does not, the page
 * says how old it is (RULE V4).
 */
import { get, headers, Problem, token } from "./api.js";

const POLL_MS = 5000;
const OLD_MS = 15000;
const SETTLE_MS = 150; // events come in groups: one fetch for all of them

export const live = { status: null, decisions: [], at: 0, streaming: false, error: null };

const listeners = new Set(); // called with the kinds that changed
let timer = null;
let stream = null;
let generation = 0; // grows at each end: what was asked for before it is of no interest any more
let last = null; // id of the last event heard

export const onChange = (listener) => listeners.add(listener);
export const isOld = () => live.at > 0 && Date.now() - live.at > OLD_MS;

function tell(kinds) {
  for (const listener of listeners) listener(kinds);
}

async function refresh(kinds) {
  const mine = generation;
  clearTimeout(timer);
  if (!stream) return;
  try {
    const [status, decisions] = await Promise.all([get("/v1/status"), get("/v1/decisions?limit=1")]);
    if (mine !== generation) return;
    Object.assign(live, { status, decisions: decisions.latest ?? [], at: Date.now(), error: null });
  } catch (error) {
    if (mine !== generation) return;
    live.error = error;
    kinds = new Set(["error"]);
  }
  tell(kinds);
  if (token.get() && live.error?.status !== 401) timer = setTimeout(refresh, POLL_MS, new Set(["poll"]));
}

let settling = null;
const heard = new Set();

function soon(kind) {
  heard.add(kind);
  settling ??= setTimeout(() => {
    settling = null;
    const kinds = new Set(heard);
    heard.clear();
    refresh(kinds);
  }, SETTLE_MS);
}

/* One message of the stream (WHATWG HTML, 9.2.6): fields, an empty line ends it. */
function message(lines) {
  let event = "message";
  for (const line of lines) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === "event") event = value;
    if (name === "id") last = value;
  }
  if (event === "history" || event === "picture") soon(event);
}

async function listen(signal) {
  const reply = await fetch("/v1/events", {
    headers: headers({ Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) }),
    cache: "no-store",
    signal,
  });
  if (!reply.ok) throw new Problem(reply.status, null);
  live.streaming = true;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) message(part.split("\n"));
  }
}

async function keepListening(signal) {
  for (let wait = 1000; !signal.aborted; wait = Math.min(2 * wait, 30000)) {
    const since = Date.now();
    try {
      await listen(signal);
    } catch (error) {
      if (error.status === 401 || error.status === 404) return; // polling will tell, or this server has no stream
    } finally {
      live.streaming = false;
    }
    if (Date.now() - since > 30000) wait = 1000;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

export function start() {
  stop();
  stream = new AbortController();
  keepListening(stream.signal);
  return refresh(new Set(["start"]));
}

export function stop() {
  generation++;
  clearTimeout(timer);
  stream?.abort();
  stream = null;
  Object.assign(live, { status: null, decisions: [], at: 0, streaming: false, error: null });
}

/* After a change of ours: look at once. */
export const look = () => refresh(new Set(["picture", "history"]));

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && stream) look();
});
