/* What is under way and what was: each operation with its steps, what it waits for, what a person has to do, and what went wrong. */
import { get } from "./api.js";
import { cancellable, cancelOperation, problemText, toast } from "./actions.js";
import { h, list, replace, say } from "./dom.js";
import { at, plural, running } from "./format.js";
import { isLifecycle, kindText, leave, resume, subject, undo, undoable, undoing } from "./lifecycle.js";

const SIGNS = { done: "✓", running: "…", waiting: "○", skipped: "–", halted: "✕", undoing: "…", undone: "↶" };
const FIRST = ["needs_person", "halted"]; // what somebody has to look at, the last one most
let parts = null;

const sign = (one) => [h("span", { "aria-hidden": "true" }, SIGNS[one.progress]), " "];

function step(one) {
  return h("li", { class: one.progress }, sign(one), `${one.step.replaceAll("_", " ")} `, h("span", { class: "unseen" }, one.progress), one.time ? h("span", { class: "sub" }, at(one.time)) : null);
}

function lifecycleStep(operation, one) {
  const told = operation.error?.detail.includes(one.error);
  const more = [one.detail === operation.needs_person ? null : one.detail, one.attempts > 1 ? plural(one.attempts, "try", "tries") : null, one.time ? at(one.ended_at ?? one.time) : null].filter(Boolean);
  return h("li", { class: one.progress }, sign(one), `${one.does} `, h("span", { class: "unseen" }, one.progress),
    more.length ? h("span", { class: "sub" }, more.flatMap((part, i) => (i ? [" · ", part] : [part]))) : null,
    one.error && !told && one.progress !== "done" ? h("span", { class: "sub wrong" }, one.error) : null);
}

function lifecycleSteps(operation) {
  const over = operation.steps.filter((one) => one.progress === "done" || one.progress === "skipped").length;
  return [
    operation.open ? h("p", { class: "hint" }, h("progress", { max: operation.steps.length, value: over, "aria-label": `steps of ${subject(operation)}` }), `${over} of ${plural(operation.steps.length, "step")} done`) : null,
    h("ol", { class: "steps long" }, operation.steps.map((one) => lifecycleStep(operation, one))),
  ];
}

/* Where the browser gives no clipboard (no TLS) the text is selected, ready for the keys. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text.textContent);
    toast("Copied.");
  } catch {
    getSelection().selectAllChildren(text);
    toast("Selected: copy it with Ctrl+C.");
  }
}

function person(operation) {
  const text = h("pre", {}, operation.needs_person);
  return h("div", { class: "person" }, h("p", {}, h("b", {}, "A person has to do this; the operation then goes on by itself."), " ",
    h("button", { type: "button", "data-control": "copy", "aria-label": `Copy the instructions of ${subject(operation)}`, onclick: () => copy(text) }, "Copy")), text);
}

function wrong(operation) {
  const { detail, remedy } = operation.error;
  return h("div", { class: operation.state === "halted" ? "halt" : "wrong" }, h("p", {}, operation.state === "halted" ? h("b", {}, "Halted: ") : null, detail), h("p", { class: "sub" }, remedy));
}

function buttons(operation) {
  const button = (control, text, run) => h("button", { type: "button", class: control === "resume" ? "primary" : null, "data-control": control, "aria-label": `${text}: ${subject(operation)}`, onclick: () => run(operation) }, text);
  const halted = operation.state === "halted";
  return h("div", { class: "buttons" },
    cancellable(operation) ? h("button", { type: "button", "data-control": "cancel", "aria-label": `Cancel the stop of ${operation.node_name}`, onclick: () => cancelOperation(operation) }, "Cancel") : null,
    halted ? button("resume", undoing(operation) ? "Go on undoing" : "Resume", resume) : null,
    undoable(operation) ? button("undo", "Undo", undo) : null,
    halted ? button("leave", "Leave as it is", leave) : null);
}

function values(operation) {
  const known = Object.entries(operation.values);
  return known.length ? h("details", {}, h("summary", {}, "Asked for and found"), h("dl", { class: "facts" }, known.map(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, value)]))) : null;
}

function card(operation) {
  const steps = isLifecycle(operation) ? lifecycleSteps(operation) : operation.steps.length ? h("ol", { class: "steps" }, operation.steps.map(step)) : null;
  return h("li", { class: `card operation ${operation.open ? "open" : ""} ${operation.state}` },
    h("header", {}, h("h2", {}, subject(operation), h("span", { class: `badge type-${operation.state}` }, operation.state.replaceAll("_", " ")), operation.force ? h("span", { class: "badge error" }, "forced") : null), buttons(operation)),
    h("p", {}, operation.reason, operation.rule ? h("span", { class: "rule" }, operation.rule) : null,
      h("span", { class: "sub" }, `${kindText(operation)} by ${operation.actor}${operation.force ? ", with force" : ""}, `, operation.open ? running(operation.created_at, "since", "for ") : at(operation.created_at))),
    operation.error ? wrong(operation) : null,
    operation.needs_person ? person(operation) : operation.waits_for && operation.open ? h("p", { class: "hint" }, "Waits for: ", operation.waits_for) : null,
    steps, values(operation));
}

const rank = (one) => (one.open ? 2 + FIRST.indexOf(one.state) : 0);

async function load() {
  try {
    const page = await get(`/v1/operations?limit=100${parts.all.checked ? "" : "&open=true"}`);
    if (!parts) return;
    list(parts.list, [...page.items].sort((a, b) => rank(b) - rank(a) || b.id - a.id), (one) => one.id, card);
    say(parts.note, page.items.length ? "" : parts.all.checked ? "There has been no operation yet." : "No operation is under way.");
  } catch (error) {
    if (parts) replace(parts.note, problemText(error));
  }
}

export const operations = {
  enter(main) {
    parts = { list: h("ul", { class: "stack plain" }), note: h("div", { class: "empty", role: "status" }), all: h("input", { type: "checkbox", onchange: load }) };
    replace(main, h("section", {}, h("h1", {}, "Operations"), h("p", {}, h("label", {}, parts.all, " also the ended ones")), parts.list, parts.note));
    load();
  },
  leave() {
    parts = null;
  },
  update: () => load(),
};
