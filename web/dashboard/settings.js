/* The settings of bursting. A change is based on what was read: when somebody else was faster, both versions are shown. */
import { etag, get, Problem, send } from "./api.js";
import { act, close, field, open, problemText, toast } from "./actions.js";
import { h, replace } from "./dom.js";
import { live, look } from "./live.js";

const PATH = "/v1/bursting";
const NUMBERS = [
  ["bursting_threshold", "Threshold (HD calls)", 1, 10000, "A location with so many HD calls left, or fewer, is short. The reserve that callers use up while a node boots."],
  ["minimum_lifetime_minutes", "Minimum lifetime (minutes)", 5, 10080, "A node that was started is not stopped before."],
  ["start_timeout_minutes", "Start time-out (minutes)", 1, 120, "After this a start has failed, and another node is tried."],
  ["poll_infinity_seconds", "Poll Infinity every (seconds)", 1, 300, null],
  ["poll_ec2_seconds", "Poll EC2 every (seconds)", 1, 300, null],
  ["replication_wait_seconds", "Replication wait (seconds)", 0, 3600, "How long maintenance mode takes to reach every node, before a drain looks for idleness."],
  ["refused_rest_minutes", "Rest of a refused node (minutes)", 0, 1440, "After EC2 had no capacity for it."],
  ["node_capacity_hd", "Capacity of an unknown node (HD calls)", 1, 1000, "Counted for a node that is being started for the first time."],
];
let parts = null;

function changed() {
  const changes = {};
  for (const [name, input] of parts.inputs) {
    const value = input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value === "" ? null : input.value;
    if (value !== (parts.base[name] ?? null)) changes[name] = value;
  }
  return changes;
}

const shown = (value) => (value === null ? "not set" : value === true ? "on" : value === false ? "off" : String(value));

/* Each field that both have changed, or that only somebody else has: theirs and ours, side by side. */
async function conflict(mine) {
  const theirs = await get(PATH);
  const rows = Object.keys({ ...mine }).map((name) => h("tr", {}, h("th", { scope: "row" }, name.replaceAll("_", " ")), h("td", {}, shown(parts.base[name])), h("td", {}, shown(theirs[name])), h("td", {}, shown(mine[name]))));
  const others = Object.keys(theirs).filter((name) => !(name in mine) && JSON.stringify(theirs[name]) !== JSON.stringify(parts.base[name]));
  open("Somebody else changed the settings meanwhile",
    h("p", {}, "Nothing of yours has been saved yet."),
    h("table", {}, h("thead", {}, h("tr", {}, ["Setting", "When you began", "Now", "Yours"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
    others.length ? h("p", {}, "They also changed: ", others.map((name) => `${name.replaceAll("_", " ")} to ${shown(theirs[name])}`).join("; "), ".") : null,
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", onclick: () => { fill(theirs, mine); close(); review(); } }, "Put mine on top of theirs"),
      h("button", { type: "button", onclick: () => { fill(theirs); close(); } }, "Take theirs, drop mine")));
}

async function review() {
  const mine = changed();
  if (!Object.keys(mine).length) return toast("Nothing was changed.");
  const list = h("ul", { class: "plan" }, Object.entries(mine).map(([name, value]) => h("li", {}, `${name.replaceAll("_", " ")}: ${shown(parts.base[name])} → `, h("b", {}, shown(value)))));
  const wrong = h("div");
  const save = h("button", { type: "button", class: "primary", onclick: () => apply(mine, wrong) }, "Save");
  open("Save these settings?", list, wrong, h("div", { class: "buttons" }, save, h("button", { type: "button", onclick: close }, "Cancel")));
  save.focus();
  try {
    await send("PATCH", PATH, mine, { plan: true, base: etag(PATH) });
  } catch (error) {
    if (error.status === 412) return conflict(mine);
    replace(wrong, problemText(error));
    save.disabled = true;
  }
}

async function apply(mine, wrong) {
  try {
    await send("PATCH", PATH, mine, { base: parts.etag });
    close();
    toast("The settings are saved.");
    fill(await get(PATH));
    look();
  } catch (error) {
    if (error instanceof Problem && error.status === 412) return conflict(mine);
    replace(wrong, problemText(error));
  }
}

function fill(base, mine = {}) {
  parts.base = base;
  parts.etag = etag(PATH);
  for (const [name, input] of parts.inputs) {
    const value = name in mine ? mine[name] : base[name];
    if (input.type === "checkbox") input.checked = value;
    else input.value = value ?? "";
  }
}

function form() {
  parts.inputs = new Map();
  const input = (name, properties) => {
    const element = properties.tag === "select" ? h("select", {}, properties.options.map(([value, label]) => h("option", { value }, label))) : h("input", properties);
    parts.inputs.set(name, element);
    return element;
  };
  return h("form", { class: "card settings", onsubmit: (event) => { event.preventDefault(); review(); } },
    h("div", { class: "field check" }, h("label", {}, input("enabled", { type: "checkbox" }), " Bursting is enabled")),
    field("Mode", input("mode", { tag: "select", options: [["control", "control: burstd starts and stops nodes"], ["observe", "observe: it only shows what it would do"]] })),
    NUMBERS.map(([name, label, min, max, hint]) => field(label, input(name, { type: "number", min, max, required: true }), hint)),
    field("Tag value", input("tag_value", { type: "text", maxlength: 256 }), `In force: ${live.status?.bursting.tag_value_in_force ?? "none"}. Empty: the Management Node's host name.`),
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Review the changes"), h("button", { type: "button", onclick: () => fill(parts.base) }, "Undo")));
}

function thresholds() {
  const all = [...live.status.principal_locations, ...live.status.overflow_locations];
  return h("table", { class: "card" }, h("caption", {}, "Thresholds of single locations"), h("thead", {}, h("tr", {}, ["Location", "Threshold", "Change"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, all.map((location) => h("tr", {}, h("th", { scope: "row" }, location.name), h("td", {}, location.bursting_threshold === null ? `${location.threshold_in_force} (the common one)` : String(location.bursting_threshold)),
      h("td", {}, h("button", { type: "button", "aria-label": `Change the threshold of ${location.name}`, onclick: () => changeThreshold(location) }, "Change"))))));
}

function changeThreshold(location) {
  const own = h("input", { type: "number", min: 1, max: 10000, value: location.bursting_threshold ?? "" });
  act({ title: `Threshold of ${location.name}`, method: "PATCH", path: `/v1/locations/${location.id}`, body: () => ({ bursting_threshold: own.value === "" ? null : Number(own.value) }), say: "Change it", done: "The threshold is changed.", after: () => setTimeout(() => parts && replace(parts.thresholds, thresholds()), 1000) },
    [field("HD calls", own, "Empty: the common threshold.")]);
}

export const settings = {
  async enter(main) {
    parts = {};
    const mine = parts;
    const note = h("div", { role: "status" }, h("p", { class: "empty" }, "Loading the settings…"));
    parts.thresholds = h("div", {}, thresholds());
    replace(main, h("section", {}, h("h1", {}, "Settings of bursting"), note), parts.thresholds);
    try {
      const base = await get(PATH);
      if (parts !== mine) return;
      replace(note, form());
      fill(base);
    } catch (error) {
      replace(note, problemText(error));
    }
  },
  leave() {
    parts = null;
  },
};
