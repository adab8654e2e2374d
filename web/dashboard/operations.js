/* What is under way and what was: each operation with its steps, what it waits for, and what went wrong. */
import { get } from "./api.js";
import { cancelOperation, problemText } from "./actions.js";
import { h, list, replace, say } from "./dom.js";
import { at, running } from "./format.js";

const SIGNS = { done: "✓", running: "…", waiting: "○", failed: "✕", skipped: "–", halted: "✕", undoing: "…", undone: "↶" };
let parts = null;

function step(one) {
  return h("li", { class: one.progress }, h("span", { "aria-hidden": "true" }, SIGNS[one.progress] ?? "○"), ` ${(one.step ?? "").replaceAll("_", " ")} `, h("span", { class: "unseen" }, one.progress), one.time ? h("span", { class: "sub" }, at(one.time)) : null);
}

function card(operation) {
  return h("li", { class: `card operation ${operation.open ? "open" : ""}` },
    h("header", {}, h("h3", {}, `${operation.kind.replaceAll("_", " ")} ${operation.node_name ?? ""}`, h("span", { class: `badge type-${operation.state}` }, operation.state.replaceAll("_", " "))),
      operation.open ? h("button", { type: "button", "data-control": "cancel", "aria-label": `Cancel the ${operation.kind} ${operation.node_name ? `of ${operation.node_name}` : operation.id}`, onclick: () => cancelOperation(operation) }, "Cancel") : null),
    h("p", {}, operation.reason, operation.rule ? h("span", { class: "rule" }, operation.rule) : null, h("span", { class: "sub" }, `by ${operation.actor}`, operation.force ? ", with force" : "", operation.open ? [", ", running(operation.created_at, "since", "for ")] : [", ", at(operation.created_at)])),
    operation.steps?.length ? h("ol", { class: "steps" }, operation.steps.map(step)) : null,
    operation.needs_person ? h("p", { class: "wrong" }, `A person has to: ${operation.needs_person}`) : null,
    operation.waits_for && !operation.needs_person ? h("p", { class: "hint" }, `Waits for ${operation.waits_for}.`) : null,
    operation.error ? h("p", { class: "wrong" }, typeof operation.error === "string" ? operation.error : [operation.error.detail, " ", h("span", { class: "sub" }, operation.error.remedy)]) : null);
}

async function load() {
  try {
    const page = await get(`/v1/operations?limit=100${parts.all.checked ? "" : "&open=true"}`);
    if (!parts) return;
    list(parts.list, [...page.items].sort((a, b) => b.open - a.open || b.id - a.id), (one) => one.id, card);
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
