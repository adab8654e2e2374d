/* Life-cycle operations: what can be asked for a node, and resume, undo and leaving of what has halted. All by plan, then confirm. */
import { all, get } from "./api.js";
import { act, check, close, control, field, open, problemText } from "./actions.js";
import { h, replace } from "./dom.js";

const NO_RETURN = ["delete_node", "terminate", "release_address", "push_settings"]; // steps that cannot be taken back once they were tried
const TYPES = ["c5.xlarge", "c5.2xlarge", "c5.4xlarge", "c5.9xlarge", "c5n.2xlarge", "c6i.2xlarge", "m5.2xlarge"];

/* --- operations ----------------------------------------------------------------------------------------------------- */

export const isLifecycle = (operation) => operation.steps.some((one) => one.does);
export const kindText = (operation) => operation.kind.replaceAll("_", " ");
export const subject = (operation) => `${kindText(operation)} ${operation.node_name ?? ""}`.trim();
export const undoing = (operation) => operation.state === "undoing" || operation.steps.some((one) => one.progress === "undoing" || one.progress === "undone");

export const undoable = (operation) => operation.open && isLifecycle(operation) && !undoing(operation) &&
  !operation.steps.some((one) => NO_RETURN.includes(one.step) && (one.progress === "done" || (one.progress !== "waiting" && one.attempts > 0)));

export function resume(operation) {
  act({ title: `Resume: ${subject(operation)}`, method: "POST", path: `/v1/operations/${operation.id}/resume`, body: {}, say: "Resume it", done: "The operation goes on." });
}

export function undo(operation) {
  act({ title: `Undo: ${subject(operation)}`, method: "POST", path: `/v1/operations/${operation.id}/cancel`, body: {}, say: "Undo it", danger: true, done: "The operation is being undone." });
}

export function leave(operation) {
  act({ title: `Leave as it is: ${subject(operation)}`, method: "POST", path: `/v1/operations/${operation.id}/cancel`, body: { undo: false }, say: "Leave it", danger: true, done: "The operation is closed. History says what stands." });
}

/* --- one node ------------------------------------------------------------------------------------------------------- */

export const off = () => h("p", { class: "hint" }, "Life-cycle operations are off. An admin allows them under ", h("a", { href: "#/settings", onclick: close }, "Settings"), ".");

export const toOperations = () => {
  location.hash = "#/operations";
};

/* An operation on `node` with `fields`, and with force where calls may stand in its way; `path` without its query. */
function ask(node, { title, name, say, body = () => ({}), fields = [], force = true, ...more }) {
  const forced = control({ type: "checkbox" });
  const reason = control({ type: "text", maxlength: 250 });
  const cut = `Yes, cut the calls on ${node.name}`;
  act({
    title, say, method: "POST", path: `/v1/nodes/${node.id}/${name}`, done: `${title}: under way.`, after: toOperations,
    sure: () => (forced.checked ? cut : null),
    body: () => ({ ...body(), ...(forced.checked ? { force: true } : {}), ...(reason.value ? { reason: reason.value } : {}) }),
    ...more,
  }, [...fields, field("Why", reason), force ? check("Force: do not wait for calls to end", forced) : null]);
}

const reinstate = (node) => ask(node, { title: `Reinstate ${node.name}`, name: "reinstate", say: "Reinstate it", force: false });
const shutDown = (node) => ask(node, { title: `Shut down ${node.name}`, name: "stop", say: "Shut it down", danger: true });
const enableEna = (node) => ask(node, { title: `Enable ENA on ${node.name}`, name: "enable-ena", say: "Enable it" });

function resize(node) {
  const type = control({ type: "text", required: true, maxlength: 32, list: "types" });
  ask(node, { title: `Resize ${node.name}`, name: "resize", say: "Resize it", body: () => ({ instance_type: type.value.trim() }),
    fields: [field("Instance type", type, `Now ${node.instance.type}.`), h("datalist", { id: "types" }, TYPES.map((value) => h("option", { value })))] });
}

function assignAddress(node) {
  const address = control({ type: "text", maxlength: 64 });
  ask(node, { title: `Assign an address to ${node.name}`, name: "assign-address", say: "Assign it", body: () => (address.value.trim() ? { allocation_id: address.value.trim() } : {}),
    fields: [field("Elastic IP address", address, "Its id (eipalloc-…). Empty: a new one.")] });
}

async function convert(node) {
  const to = node.bursting ? "always_on" : "overflow";
  const places = await all("/v1/locations");
  const location = control({ options: [["", "choose one"], ...places.map((one) => [one.id, one.name])], required: true });
  ask(node, { title: `Make ${node.name} ${to === "overflow" ? "an overflow node" : "always on"}`, name: "convert", say: "Convert it", body: () => ({ to, location: Number(location.value) }),
    fields: [field("Location", location, "Where it belongs then. Nodes of both kinds are not mixed.")] });
}

function remove(node) {
  const forced = control({ type: "checkbox" });
  const release = control({ type: "checkbox" });
  const path = () => {
    const query = [forced.checked ? "force=true" : null, release.checked ? "release_address=true" : null].filter(Boolean).join("&");
    return `/v1/nodes/${node.id}${query ? `?${query}` : ""}`;
  };
  act({
    title: `Remove ${node.name}`, method: "DELETE", path, say: "Remove it", danger: true, done: `${node.name} is being removed.`, after: toOperations,
    sure: () => `Yes, delete ${node.name} and terminate its instance${forced.checked ? ", and cut its calls" : ""}`,
  }, [check("Give its Elastic IP address back to AWS", release), check("Force: do not wait for calls to end", forced)]);
}

const CHOICES = [
  ["Reinstate", "start it and take it out of maintenance mode", reinstate, (node) => !node.bursting],
  ["Shut down", "let its calls end, then stop the instance", shutDown, (node) => !node.bursting && node.instance.state === "running"],
  ["Convert", "between overflow and always on", convert, () => true],
  ["Resize", "another instance type", resize, () => true],
  ["Enable ENA", "faster networking", enableEna, () => true],
  ["Assign address", "a public address that stays", assignAddress, (node) => !node.instance.elastic],
  ["Remove", "delete the node and terminate its instance", remove, () => true],
];

function choices(node, body) {
  const run = (what) => Promise.resolve(what(node)).catch((error) => replace(body, problemText(error)));
  return h("ul", { class: "plain choices" }, CHOICES.filter(([, , , fits]) => fits(node)).map(([name, hint, what]) =>
    h("li", {}, h("button", { type: "button", onclick: () => run(what) }, name), h("span", { class: "sub" }, hint))));
}

async function showMenu(node) {
  const body = open(`More for ${node.name}`, h("p", { class: "hint", "aria-busy": "true" }, "Looking what may be done…"));
  try {
    const { allow_lifecycle } = await get("/v1/bursting");
    replace(body, allow_lifecycle ? choices(node, body) : off());
    body.querySelector("button, a").focus();
  } catch (error) {
    replace(body, problemText(error));
  }
}

const there = (instance) => instance && !["terminated", "shutting-down"].includes(instance.state);

/* The button that leads to them; null for a node without an instance. */
export const menuButton = (node) => (there(node.instance) ? h("button", { type: "button", "data-control": "more", "aria-haspopup": "dialog", "aria-label": `More for ${node.name}`, onclick: () => showMenu(node) }, "More…") : null);
