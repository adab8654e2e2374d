/*
 * burstd's API as this page uses it. The token lives in this tab alone (sessionStorage). Replies to GETs are kept with their
 * ETag, so that what has not changed costs a 304. Errors are Problem, with what the server said.
 */
const KEY = "burstd-token";

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `The server answered ${status}.`);
    this.status = status;
    this.type = body?.type;
    this.errors = body?.errors ?? [];
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

const kept = new Map(); // path -> {etag, body}

export const headers = (more = {}) => ({ Authorization: `Bearer ${token.get()}`, ...more });

async function parsed(reply) {
  const text = await reply.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/* The body of a GET, and the clock of the server that gave it. A missing resource is a Problem of status 404, as any other. */
export async function get(path, signal) {
  const before = kept.get(path);
  const reply = await fetch(path, { headers: headers(before ? { "If-None-Match": before.etag } : {}), cache: "no-store", signal });
  if (reply.status === 304) return before.body;
  const body = await parsed(reply);
  if (!reply.ok) throw new Problem(reply.status, body);
  const etag = reply.headers.get("ETag");
  if (etag) kept.set(path, { etag, body });
  return body;
}

/* The ETag of the last GET of `path`: what a change is based on. */
export const etag = (path) => kept.get(path)?.etag ?? "*";

export async function text(path, accept) {
  const reply = await fetch(path, { headers: headers({ Accept: accept }), cache: "no-store" });
  if (!reply.ok) throw new Problem(reply.status, await parsed(reply));
  return reply.blob();
}

/* POST, PATCH or DELETE; with `plan` nothing is changed, the reply says what would be. `base` is an ETag. */
export async function send(method, path, body, { plan = false, base = "*", key = null } = {}) {
  const more = method === "POST" ? (plan ? {} : { "Idempotency-Key": key ?? crypto.randomUUID() }) : { "If-Match": base };
  if (body !== undefined) more["Content-Type"] = "application/json";
  const reply = await fetch(plan ? `${path}${path.includes("?") ? "&" : "?"}dry_run=true` : path, {
    method,
    headers: headers(more),
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  const answer = await parsed(reply);
  if (!reply.ok) throw new Problem(reply.status, answer);
  return answer;
}

/* Every page of a list. */
export async function all(path, most = 5000) {
  const items = [];
  for (let cursor = null; items.length < most; ) {
    const page = await get(`${path}${path.includes("?") ? "&" : "?"}limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    items.push(...page.items);
    cursor = page.next;
    if (!cursor) break;
  }
  return items;
}
