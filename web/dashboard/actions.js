/*
 * What people can do, always in the same steps: say what, see the plan that the server made of it (a dry run), confirm.
 */
import { etag, Problem, send } from "./api.js";
import { h, replace } from "./dom.js";
import { at } from "./format.js";
import { look } from "./live.js";

const dialog = document.getElementById("dialog");

export function toast(text, kind = "done") {
  const box = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 8000);
}

/* What a Problem says, field by field where it names fields. */
export function problemText(error) {
  if (!(error instanceof Problem)) return h("p", { class: "wrong", role: "alert" }, "burstd does not answer. Nothing was changed.");
  const fields = error.errors.map((one) => h("li", {}, h("code", {}, one.pointer.slice(1) || "request"), ` ${one.detail}`));
  return h("div", { class: "wrong", role: "alert" }, h("p", {}, error.type === "forbidden" ? "Your token's role does not allow this." : error.message), fields.length > 1 ? h("ul", {}, fields) : null);
}

const shown = (value) => (value === null ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value));

/* A plan as people read it: what is done step by step, what changes, what history will say, and what follows. */
function planText(plan) {
  const lines = (tag, items) => (items?.length ? h(tag, { class: "plan" }, items.map((item) => h("li", {}, item))) : null);
  const changes = plan.changes?.filter((change) => change.pointer).map((change) => [`${change.pointer.slice(1).replaceAll("_", " ")}: ${shown(change.from)} → `, h("b", {}, shown(change.to))]);
  const firings = plan.firings?.slice(0, 5).map((one) => ["Fires ", at(one.start), " to ", at(one.end)]);
  return [lines("ol", plan.steps?.map((step) => step.description)), lines("ul", changes), lines("ul", firings), lines("ul", plan.consequences), lines("ul", plan.events?.map((event) => event.reason))];
}

export function open(title, ...children) {
  const body = h("div", { class: "dialog-body" }, children);
  replace(dialog, h("form", { method: "dialog", class: "dialog-head" }, h("h2", { id: "dialog-title" }, title), h("button", { class: "quiet", "aria-label": "Close" }, "✕")), body);
  dialog.classList.remove("wide");
  if (!dialog.open) dialog.showModal();
  return body;
}

export const close = () => dialog.close();

/*
 * `action`: {title, method, path, body, sure, say, danger, wide, done, after}. `path`, `body` and `sure` may be functions that read a
 * form. Shows the plan first; a second press carries it out. `fields` are inputs above it: changing one makes a new plan. `sure` is
 * what has to be ticked below the plan before that, null where nothing has to.
 */
export function act(action, fields = []) {
  const plan = h("div", { class: "plan-box", "aria-live": "polite" }, h("p", { class: "hint" }, "Asking for the plan…"));
  const confirm = h("button", { type: "submit", class: action.danger ? "danger" : "primary", disabled: true }, action.say);
  const tick = h("input", { type: "checkbox" });
  const tickText = h("span");
  const ticked = h("div", { class: "field check sure", hidden: true }, h("label", {}, tick, " ", tickText));
  const key = crypto.randomUUID(); // one confirmation is one effect, however often it is pressed
  const now = (what) => (typeof what === "function" ? what() : what);
  let asked = 0;
  let planned = false;

  /* Another question than before has to be ticked anew. */
  function ask() {
    const text = now(action.sure) ?? "";
    if (tickText.textContent !== text) tick.checked = false;
    tickText.textContent = text;
    ticked.hidden = !planned || !text;
    confirm.disabled = !planned || (text && !tick.checked);
  }

  function show(...children) {
    replace(plan, children);
    ask();
  }

  async function makePlan() {
    const mine = ++asked;
    planned = false;
    if ([...form.elements].some((input) => input.validity?.valueMissing)) return show(h("p", { class: "hint" }, "Fill in the fields to see the plan."));
    ask();
    try {
      const path = now(action.path);
      const answer = await send(action.method, path, now(action.body), { plan: true, base: etag(path) });
      if (mine !== asked) return;
      planned = true;
      show(h("h3", {}, "What will happen"), planText(answer));
      if (!fields.length) (ticked.hidden ? confirm : tick).focus();
    } catch (error) {
      if (mine === asked) show(problemText(error));
    }
  }

  async function carryOut(event) {
    event.preventDefault();
    confirm.disabled = true;
    try {
      const path = now(action.path);
      const answer = await send(action.method, path, now(action.body), { base: etag(path), key });
      close();
      toast(action.done ?? "Done.");
      look();
      action.after?.(answer);
    } catch (error) {
      show(problemText(error));
    }
  }

  const form = h("form", { onsubmit: carryOut, onchange: (event) => (event.target === tick ? ask() : makePlan()) }, fields, plan, ticked,
    h("div", { class: "buttons" }, confirm, h("button", { type: "button", onclick: close }, "Cancel")));
  open(action.title, form);
  dialog.classList.toggle("wide", Boolean(action.wide));
  makePlan();
  form.querySelector("input, select")?.focus();
}

/* An input, or a select where `options` are [value, text]. */
export function control({ options, value, ...properties }) {
  const element = options ? h("select", properties, options.map(([name, label]) => h("option", { value: name }, label))) : h("input", properties);
  if (value !== undefined) element.value = value;
  return element;
}

let labels = 0;
export function field(label, input, hint) {
  const id = `field-${++labels}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null);
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

export function startNode(node) {
  act({ title: `Start ${node.name}`, method: "POST", path: `/v1/nodes/${node.id}/start`, body: {}, say: "Start it", done: `${node.name} is being started.` });
}

export const check = (text, input) => h("div", { class: "field check" }, h("label", {}, input, ` ${text}`));

export function stopNode(node) {
  const force = h("input", { type: "checkbox" });
  act({
    title: `Stop ${node.name}`, method: "POST", path: `/v1/nodes/${node.id}/stop`, body: () => (force.checked ? { force: true } : {}), say: "Stop it",
    sure: () => (force.checked ? `Yes, cut the calls on ${node.name}` : null), danger: true, done: `${node.name} is being stopped.`,
  }, [check("Force: stop at once and cut its calls", force)]);
}

/* Of the operations that start, stop and change nodes only a stop can be called off, and only until it is sent. */
export const cancellable = (operation) => operation.open && operation.kind === "stop" && ["maintenance_on", "waiting"].includes(operation.state);

export function cancelOperation(operation) {
  act({ title: `Cancel the ${operation.kind} of ${operation.node_name}`, method: "POST", path: `/v1/operations/${operation.id}/cancel`, body: {}, say: "Cancel the operation", done: "The operation is being cancelled." });
}

export function holdNode(node) {
  const minutes = h("input", { type: "number", min: 1, max: 10080, value: 120, required: true });
  const reason = h("input", { type: "text", maxlength: 250 });
  act({
    title: `Keep ${node.name} up`, method: "POST", path: "/v1/holds", say: "Hold it", done: `${node.name} is held.`,
    body: () => ({ nodes: [node.id], minutes: Number(minutes.value), reason: reason.value || "from the dashboard" }),
  }, [field("For how many minutes", minutes, "It is started if it is down, and not stopped before."), field("Why", reason)]);
}

export function holdLocation(location) {
  const count = h("input", { type: "number", min: 1, max: location.bursting_nodes || 1, value: 1, required: true });
  const minutes = h("input", { type: "number", min: 1, max: 10080, value: 120, required: true });
  const reason = h("input", { type: "text", maxlength: 250 });
  act({
    title: `Keep nodes of ${location.name} up`, method: "POST", path: "/v1/holds", say: "Hold them", done: "The hold is made.",
    body: () => ({ location: location.id, count: Number(count.value), minutes: Number(minutes.value), reason: reason.value || "from the dashboard" }),
  }, [field("How many nodes", count, `${location.name} has ${location.bursting_nodes}.`), field("For how many minutes", minutes), field("Why", reason)]);
}
