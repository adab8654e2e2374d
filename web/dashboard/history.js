/* Everything that happened, newest first, with its reason and the figures behind it. */
import { get, text } from "./api.js";
import { problemText, toast } from "./actions.js";
import { h, replace, say } from "./dom.js";
import { at } from "./format.js";
import { live } from "./live.js";

const TYPES = ["start", "running", "drain", "stop", "stopped", "cancel", "fail", "maintenance", "lost", "settings", "wish", "hold", "operation", "controller"];
const PAGE = 100;

const figure = ([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, value !== null && typeof value === "object" ? JSON.stringify(value) : String(value))];

function figures(event) {
  const known = Object.entries(event.figures ?? {}).filter(([, value]) => value !== null);
  return known.length ? h("details", {}, h("summary", {}, "Figures"), h("dl", { class: "facts" }, known.map(figure))) : null;
}

const where = (event) => event.node_name ?? locationName(event.location) ?? "–";

function locationName(id) {
  const status = live.status;
  return status && [...status.principal_locations, ...status.overflow_locations].find((location) => location.id === id)?.name;
}

export function eventRow(event) {
  return h("tr", {},
    h("td", { "data-label": "Time" }, at(event.time)),
    h("td", { "data-label": "What" }, h("span", { class: `badge type-${event.type}` }, event.type.replaceAll("_", " "))),
    h("td", { "data-label": "Where" }, where(event)),
    h("td", { "data-label": "Who" }, event.actor),
    h("td", { "data-label": "Why", class: "wide" }, event.reason, event.rule ? h("span", { class: "rule" }, event.rule) : null, figures(event)));
}

let parts = null;

function query() {
  const fields = new URLSearchParams([...new FormData(parts.form)].filter(([, value]) => value));
  for (const name of ["since", "until"]) if (fields.get(name)) fields.set(name, new Date(fields.get(name)).toISOString());
  return fields;
}

async function load(more = false) {
  const fields = query();
  fields.set("limit", PAGE);
  if (more && parts.next) fields.set("cursor", parts.next);
  const mine = ++parts.asked;
  try {
    const page = await get(`/v1/history?${fields}`);
    if (mine !== parts?.asked) return;
    if (!more) replace(parts.rows);
    parts.rows.append(...page.items.map(eventRow));
    parts.next = page.next;
    parts.newest = more ? parts.newest : page.items[0]?.id;
    parts.more.hidden = !page.next;
    parts.fresh.hidden = true;
    say(parts.note, page.items.length || more ? "" : "No event fits this filter.");
  } catch (error) {
    if (mine === parts?.asked) replace(parts.note, problemText(error));
  }
}

async function download() {
  try {
    const blob = await text(`/v1/history?${query()}`, "text/csv");
    const link = h("a", { href: URL.createObjectURL(blob), download: `burstd-history-${new Date().toISOString().slice(0, 10)}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60e3);
  } catch {
    toast("The history could not be exported.", "failed");
  }
}

function filters() {
  const status = live.status;
  const option = (value, label) => h("option", { value }, label);
  const select = (name, label, options) => h("label", {}, label, h("select", { name }, option("", "any"), options));
  const time = (name, label) => h("label", {}, label, h("input", { type: "datetime-local", name }));
  return [
    select("type", "What", TYPES.map((type) => option(type, type))),
    select("location", "Location", [...status.principal_locations, ...status.overflow_locations].map((one) => option(one.id, one.name))),
    select("node", "Node", status.overflow_nodes.map((one) => option(one.id, one.name))),
    h("label", {}, "Who", h("input", { name: "actor", maxlength: 100 })),
    time("since", "From"), time("until", "To"),
  ];
}

export const history = {
  enter(main) {
    parts = { rows: h("tbody"), note: h("div", { class: "hint", role: "status" }), next: null, newest: null, asked: 0 };
    parts.form = h("form", { class: "controls", "aria-label": "Filter", onchange: () => load(), onsubmit: (event) => { event.preventDefault(); load(); } }, filters());
    parts.more = h("button", { type: "button", hidden: true, onclick: () => load(true) }, "Earlier events");
    parts.fresh = h("button", { type: "button", class: "primary", hidden: true, onclick: () => load() }, "New events: show them");
    replace(main, h("section", {}, h("h1", {}, "History"), parts.form, h("p", {}, h("button", { type: "button", onclick: download }, "Export as CSV"), " ", parts.fresh),
      h("div", { class: "scroll card" }, h("table", { class: "events" }, h("caption", { class: "unseen" }, "Events, newest first"), h("thead", {}, h("tr", {}, ["Time", "What", "Where", "Who", "Why"].map((name) => h("th", { scope: "col" }, name)))), parts.rows)),
      parts.note, parts.more));
    load();
  },
  leave() {
    parts = null;
  },
  /* What is read is not moved: new events are offered, not pushed in. */
  async update(kinds) {
    if (kinds.has("start") || !parts) return;
    const fields = query();
    fields.set("limit", 1);
    const page = await get(`/v1/history?${fields}`).catch(() => null);
    if (parts && page?.items.length && page.items[0].id !== parts.newest) parts.fresh.hidden = false;
  },
};
