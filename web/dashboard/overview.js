/* At a glance: will callers be refused in the next minutes, what is burstd doing about it, and why. */
import { get } from "./api.js";
import { cancellable, cancelOperation, holdLocation, holdNode, startNode, stopNode } from "./actions.js";
import { loadChart } from "./chart.js";
import { h, list, replace, say } from "./dom.js";
import { at, plural, running } from "./format.js";
import { live } from "./live.js";
import { eventRow } from "./history.js";
import { isLifecycle, menuButton, subject } from "./lifecycle.js";

const STATES = {
  ok: ["ok", "ok"],
  approaching_threshold: ["near", "approaching threshold"],
  threshold_reached: ["short", "threshold reached"],
};
const ORDER = ["ok", "approaching_threshold", "threshold_reached"];
const SEVERITIES = ["error", "warning", "info"];

/* What is shown of a location and of a node: other facts may change without a new row. */
const LOCATION_FACTS = ["id", "name", "state", "free_hd_calls", "max_hd_calls", "pending_hd_calls", "threshold_in_force", "bursting_nodes"];
const PRINCIPAL_FACTS = [...LOCATION_FACTS, "ramp"];
const NODE_FACTS = ["id", "name", "location", "bursting", "phase", "phase_since", "boot", "held_by", "lifetime_ends_at", "conferences", "free_hd_calls", "max_hd_calls", "instance", "operation"];
const DECISION_FACTS = ["location", "location_name", "reason", "rule"];
const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));

let parts = null;

const badge = (kind, text) => h("span", { class: `badge ${kind}` }, text);


/* --- the headline ----------------------------------------------------------------------------------------------- */

/* A location at its threshold: its callers still find room as long as its overflow location has some. */
function short(location, behind) {
  const left = location.free_hd_calls > 0 ? `is at its threshold, with ${plural(location.free_hd_calls, "HD call")} left` : "is full";
  if (behind?.free_hd_calls > behind?.threshold_in_force) return ["near", `${location.name} ${left}; ${behind.name} takes ${behind.free_hd_calls} more.`];
  const room = (behind?.free_hd_calls ?? 0) + location.free_hd_calls;
  if (room > 0) return ["short", `${location.name} ${left}${behind?.free_hd_calls ? `, and ${behind.name} with ${behind.free_hd_calls}` : ""}.`];
  return ["full", `${location.name} is full, and nothing takes its callers: they are refused.`];
}

function demand(status) {
  const worst = [...status.principal_locations].sort((a, b) => ORDER.indexOf(b.state) - ORDER.indexOf(a.state) || a.free_hd_calls - b.free_hd_calls)[0];
  if (status.sources.some((source) => !source.fresh)) return ["short", "burstd's figures are old: nobody can say whether callers are refused."];
  if (!worst) return ["near", "There is no principal location: no location's primary overflow location holds bursting nodes."];
  if (worst.state === "threshold_reached") return short(worst, status.overflow_locations.find((one) => one.id === worst.primary_overflow_location));
  const [soonest] = status.principal_locations.map((l) => [l.minutes_to_threshold, l]).filter(([m]) => m !== null && m <= 15).sort((a, b) => a[0] - b[0]);
  if (soonest) return ["near", `${soonest[1].name} reaches its threshold in about ${plural(Math.max(1, Math.round(soonest[0])), "minute")}, as it fills now.`];
  if (worst.state === "approaching_threshold") return ["near", `${worst.name} is close to its threshold: ${plural(worst.free_hd_calls, "HD call")} left.`];
  return ["ok", "No location is near its threshold."];
}

function names(nodes) {
  return nodes.map((node) => node.name).join(", ");
}

function doing(status) {
  const of = (phase) => status.overflow_nodes.filter((node) => node.phase === phase);
  const says = [["starting", "starting"], ["draining", "draining"], ["stopping", "stopping"]].filter(([phase]) => of(phase).length).map(([phase, verb]) => `${verb} ${names(of(phase))}`);
  const { enabled, mode, infinity_bursting: other } = status.bursting;
  if (!enabled) return "Bursting is off: burstd starts nodes only when asked.";
  if (other) return "Infinity's own bursting is on: burstd only watches.";
  if (mode === "observe") return "burstd only watches: it shows what it would do, and does nothing.";
  if (says.length) return `burstd is ${says.join("; ")}.`;
  const serving = of("serving").length;
  return serving ? `burstd has ${plural(serving, "overflow node")} serving, and starts or stops nothing now.` : "burstd starts or stops nothing now.";
}

function headline(status) {
  const [kind, text] = demand(status);
  if (parts.headline.dataset.kind !== kind) parts.headline.dataset.kind = kind;
  say(parts.demand, text);
  say(parts.doing, doing(status));
  list(parts.why, live.decisions.map((one) => pick(one, DECISION_FACTS)), (one) => one.location, (one) => h("li", {}, h("b", {}, one.location_name), `: ${one.reason}`, one.rule ? h("span", { class: "rule" }, one.rule) : null));
}

/* --- locations -------------------------------------------------------------------------------------------------- */

/* Used, free, and where the threshold lies; the figures stand beside it for who cannot see it. */
function meter(location) {
  const max = Math.max(location.max_hd_calls, 1);
  const used = Math.min(1, (location.max_hd_calls - location.free_hd_calls) / max);
  const bar = h("div", { class: "meter", "aria-hidden": "true" }, h("div", { class: "used" }), h("div", { class: "mark" }));
  bar.firstChild.style.width = `${100 * used}%`;
  bar.lastChild.style.left = `${100 * Math.max(0, 1 - location.threshold_in_force / max)}%`;
  return bar;
}

function ramp(minutes) {
  if (minutes === null) return "not filling up";
  if (minutes <= 0) return "at the threshold";
  return minutes > 240 ? "hours to the threshold" : `about ${Math.max(1, Math.round(minutes))} min to the threshold, as it fills now`;
}

function principalCard(location) {
  const [kind, text] = STATES[location.state];
  return h("li", { class: `card location ${kind}` },
    h("h3", {}, location.name, badge(kind, text)),
    h("p", { class: "figure" }, h("strong", {}, String(location.free_hd_calls)), ` of ${location.max_hd_calls} HD calls free`),
    meter(location),
    h("p", { class: "hint" }, `threshold ${location.threshold_in_force} · ${location.ramp}`));
}

const noPrincipal = () => h("li", { class: "empty" }, "No location has an overflow location with bursting nodes as its primary one.");

function phaseText(node) {
  if (node.phase === "starting" && node.boot) return running(node.boot.since, "since", "starting for ");
  if (node.phase === "draining") return node.held_by ? `held by ${plural(node.held_by.conferences ?? 0, "conference")}` : "waiting until its load is known to be gone";
  if (node.phase === "serving") return node.lifetime_ends_at && new Date(node.lifetime_ends_at) > Date.now() ? running(node.lifetime_ends_at, "until", "stays at least ") : "may be stopped when idle";
  return running(node.phase_since, "since", "for ");
}

function progress(node) {
  if (node.phase !== "starting" || !node.boot?.times_out_at) return null;
  return h("progress", { max: 1, value: 0, "data-from": Date.parse(node.boot.since), "data-to": Date.parse(node.boot.times_out_at), "aria-label": `start of ${node.name}, against its time-out` });
}

function nodeActions(node) {
  const operation = node.operation;
  const button = (control, text, run) => h("button", { type: "button", "data-control": control, onclick: () => run(node), "aria-label": `${text} ${node.name}` }, text);
  return h("td", { class: "actions" },
    operation && cancellable(operation) ? h("button", { type: "button", "data-control": "cancel", "aria-label": `Cancel the stop of ${node.name}`, onclick: () => cancelOperation(operation) }, "Cancel") : null,
    ["stopped", "failed"].includes(node.phase) ? button("start", "Start", startNode) : null,
    ["serving", "starting", "draining", "unknown"].includes(node.phase) ? button("stop", "Stop", stopNode) : null,
    button("hold", "Hold", holdNode), menuButton(node));
}

function nodeRow(node) {
  const instance = node.instance;
  const load = node.phase === "serving" || node.phase === "draining";
  return h("tr", {},
    h("th", { scope: "row" }, node.name, h("span", { class: "sub" }, instance ? `${instance.id} · ${instance.type} · ${instance.zone}` : "no instance found")),
    h("td", { "data-label": "Phase" }, badge(node.phase, node.phase), h("span", { class: "sub" }, phaseText(node)), progress(node),
      node.operation && isLifecycle(node.operation) ? h("a", { class: "sub", href: "#/operations" }, `${subject(node.operation)}: ${node.operation.state.replaceAll("_", " ")}`) : null),
    h("td", { "data-label": "Calls" }, load ? plural(node.conferences ?? 0, "conference") : "–", h("span", { class: "sub" }, load ? `${node.free_hd_calls} of ${node.max_hd_calls} HD free` : "")),
    nodeActions(node));
}

function overflowHead(location) {
  const [kind, text] = STATES[location.state];
  return h("header", {}, h("h3", {}, location.name, location.bursting_nodes && location.max_hd_calls ? badge(kind, text) : null),
    h("p", { class: "hint" }, `${location.free_hd_calls} of ${location.max_hd_calls} HD calls free`, location.pending_hd_calls ? `, ${location.pending_hd_calls} more on the way` : "", ` · threshold ${location.threshold_in_force}`),
    h("button", { type: "button", "data-control": "hold-location", onclick: () => holdLocation(location) }, "Hold nodes…"));
}

function overflowSection({ name }) {
  return h("section", { class: "card overflow", "aria-label": name }, h("div", { class: "head" }),
    h("div", { class: "scroll" }, h("table", {}, h("caption", { class: "unseen" }, `Bursting nodes of ${name}`),
      h("thead", {}, h("tr", {}, ["Node", "Phase", "Calls", "Actions"].map((title) => h("th", { scope: "col" }, title)))), h("tbody"))));
}

/* A location stays where it is; its figures and each of its nodes are made anew on their own. */
function overflow(status) {
  list(parts.overflow, status.overflow_locations.map(({ id, name }) => ({ id, name })), (location) => location.id, overflowSection);
  for (const location of status.overflow_locations) {
    const section = parts.overflow.querySelector(`:scope > [data-key="${location.id}"]`);
    list(section.querySelector(".head"), [pick(location, LOCATION_FACTS)], () => "head", overflowHead);
    list(section.querySelector("tbody"), status.overflow_nodes.filter((node) => node.location === location.id).map((node) => pick(node, NODE_FACTS)), (node) => node.id, nodeRow);
  }
}

/* --- issues ----------------------------------------------------------------------------------------------------- */

function issueItem(issue) {
  return h("li", { class: `issue ${issue.severity}` },
    h("p", {}, badge(issue.severity, issue.severity), h("b", {}, issue.subject), " ", issue.message),
    h("p", { class: "sub" }, issue.consequence, " ", h("em", {}, issue.remedy), " ", issue.since ? h("span", {}, "Since ", at(issue.since), ".") : null));
}

function issues(status) {
  const sorted = [...status.issues].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  say(parts.issueCount, sorted.length ? plural(sorted.length, "issue") : "No issues");
  list(parts.issues, sorted, (issue) => `${issue.id} ${issue.subject}`, issueItem);
}

/* --- the view --------------------------------------------------------------------------------------------------- */

function section(title, ...children) {
  return h("section", {}, h("h2", {}, title), ...children);
}

async function recent() {
  const page = await get("/v1/history?limit=8").catch(() => null);
  if (!page || !parts) return;
  list(parts.recent, page.items, (event) => event.id, eventRow);
  parts.nothing.hidden = page.items.length > 0;
}

export const overview = {
  enter(main) {
    parts = {
      demand: h("p", { class: "demand" }), doing: h("p", { class: "doing" }), why: h("ul", { class: "why" }),
      principals: h("ul", { class: "cards" }), overflow: h("div", { class: "stack" }), issueCount: h("h2"), issues: h("ul", { class: "issues" }),
      recent: h("tbody"), nothing: h("p", { class: "empty" }, "Nothing has happened yet."), chart: loadChart(),
    };
    parts.headline = h("section", { class: "headline", "aria-label": "At a glance" }, h("h1", { class: "unseen" }, "Overview"), parts.demand, parts.doing, parts.why);
    replace(main, parts.headline, section("Principal locations", parts.principals), section("Overflow locations", parts.overflow),
      section("Load over time", parts.chart.element), h("section", {}, parts.issueCount, parts.issues),
      section("Latest events", h("div", { class: "scroll card" }, h("table", { class: "events" }, h("caption", { class: "unseen" }, "Latest events"), h("thead", {}, h("tr", {}, ["Time", "What", "Where", "Who", "Why"].map((name) => h("th", { scope: "col" }, name)))), parts.recent)), parts.nothing,
        h("p", {}, h("a", { href: "#/history" }, "The whole history"))));
  },
  leave() {
    parts.chart.destroy();
    parts = null;
  },
  update() {
    const status = live.status;
    headline(status);
    const principals = status.principal_locations.map((l) => pick({ ...l, ramp: ramp(l.minutes_to_threshold) }, PRINCIPAL_FACTS));
    list(parts.principals, principals.length ? principals : [{ id: 0 }], (l) => l.id, (l) => (l.id ? principalCard(l) : noPrincipal()));
    overflow(status);
    issues(status);
    parts.chart.update(status);
    recent();
  },
};

