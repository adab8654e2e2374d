/* The settings of bursting. A change is based on what was read: when somebody else was faster, both versions are shown. */
import { etag, get, Problem, send } from "./api.js";
import { act, check, close, control, field, open, problemText, toast } from "./actions.js";
import { h, replace, say } from "./dom.js";
import { live, look } from "./live.js";
import { besideInfinity } from "./sync.js";

const PATH = "/v1/bursting";
const INFINITY = "/v1/bursting/infinity";
const NUMBERS = [
  ["bursting_threshold", "Threshold (HD calls)", 1, 10000, "A location with so many HD calls left, or fewer, is short. The reserve that callers use up while a node boots."],
  ["minimum_lifetime_minutes", "Minimum lifetime (minutes)", 5, 10080, "A node that was started is not stopped before."],
  ["start_timeout_minutes", "Start time-out (minutes)", 1, 120, "After this a start has failed, and another node is tried."],
  ["poll_infinity_seconds", "Poll Infinity every (seconds)", 1, 60, null],
  ["poll_ec2_seconds", "Poll EC2 every (seconds)", 1, 60, null],
  ["replication_wait_seconds", "Replication wait (seconds)", 30, 3600, "How long maintenance mode takes to reach every node, before a drain looks for idleness."],
  ["refused_rest_minutes", "Rest of a refused node (minutes)", 1, 1440, "After EC2 had no capacity for it."],
  ["node_capacity_hd", "Capacity of an unknown node (HD calls)", 1, 1000, "Counted for a node that is being started for the first time."],
];
/* Key pairs: [the key's id, its secret, what it is for]. A secret can be written, never read. */
const KEYS = [
  ["aws_access_key_id", "aws_secret_access_key", "bursting"],
  ["lifecycle_access_key_id", "lifecycle_secret_access_key", "life-cycle operations"],
];
const SECRETS = KEYS.map(([, secret]) => secret);
let parts = null;

function changed() {
  const changes = {};
  for (const [name, input] of parts.inputs) {
    if (SECRETS.includes(name)) {
      if (input.value) changes[name] = input.value;
      continue;
    }
    const value = input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value === "" ? null : input.value;
    if (value !== (parts.base[name] ?? null)) changes[name] = value;
  }
  for (const [id, secret] of KEYS) if (changes[id] === null) changes[secret] = null; // a secret goes with its key
  return changes;
}

const plain = (value) => (value === null ? "not set" : value === true ? "on" : value === false ? "off" : String(value));
const before = (base, name) => (SECRETS.includes(name) ? (base[`${name}_set`] ? "set" : "not set") : plain(base[name]));
const after = (mine, name) => (SECRETS.includes(name) ? (mine[name] === null ? "not set" : "a new one") : plain(mine[name]));

/* Each field that both have changed, or that only somebody else has: theirs and ours, side by side. */
async function conflict(mine) {
  const theirs = await get(PATH);
  const rows = Object.keys({ ...mine }).map((name) => h("tr", {}, h("th", { scope: "row" }, name.replaceAll("_", " ")), h("td", {}, before(parts.base, name)), h("td", {}, before(theirs, name)), h("td", {}, after(mine, name))));
  const others = Object.keys(theirs).filter((name) => !(name in mine) && JSON.stringify(theirs[name]) !== JSON.stringify(parts.base[name]));
  open("Somebody else changed the settings meanwhile",
    h("p", {}, "Nothing of yours has been saved yet."),
    h("table", {}, h("thead", {}, h("tr", {}, ["Setting", "When you began", "Now", "Yours"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
    others.length ? h("p", {}, "They also changed: ", others.map((name) => `${name.replaceAll("_", " ")} to ${plain(theirs[name])}`).join("; "), ".") : null,
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", onclick: () => { fill(theirs, mine); close(); review(); } }, "Put mine on top of theirs"),
      h("button", { type: "button", onclick: () => { fill(theirs); close(); } }, "Take theirs, drop mine")));
}

async function review() {
  const mine = changed();
  if (!Object.keys(mine).length) return toast("Nothing was changed.");
  const list = h("ul", { class: "plan" }, Object.keys(mine).map((name) => h("li", {}, `${name.replaceAll("_", " ")}: ${before(parts.base, name)} → `, h("b", {}, after(mine, name)))));
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
    const value = name in mine ? mine[name] : base[name]; // a secret has none
    if (input.type === "checkbox") input.checked = value;
    else input.value = value ?? "";
    if (SECRETS.includes(name)) say(parts.secrets.get(name), base[`${name}_set`] ? "Set." : "Not set.");
  }
  infinity();
}

function form() {
  parts.inputs = new Map();
  parts.secrets = new Map(SECRETS.map((name) => [name, h("span")]));
  const input = (name, properties) => {
    const element = control(properties);
    parts.inputs.set(name, element);
    return element;
  };
  return h("form", { class: "card settings", onsubmit: (event) => { event.preventDefault(); review(); } },
    check("Bursting is enabled", input("enabled", { type: "checkbox" })),
    field("Mode", input("mode", { options: [["control", "control: burstd starts and stops nodes"], ["observe", "observe: it only shows what it would do"]] })),
    NUMBERS.map(([name, label, min, max, hint]) => field(label, input(name, { type: "number", min, max, required: true }), hint)),
    field("Tag value", input("tag_value", { type: "text", maxlength: 256 }), `In force: ${live.status?.bursting.tag_value_in_force ?? "none"}. Empty: the Management Node's host name.`),
    check("Life-cycle operations are allowed: deploying, converting, resizing and removing nodes", input("allow_lifecycle", { type: "checkbox" })),
    KEYS.map(([id, secret, what]) => h("div", { class: "pair" },
      field(`AWS access key of ${what}`, input(id, { type: "text", maxlength: 128, autocomplete: "off", spellcheck: "false" }), what === "bursting" ? "Empty: the usual credential chain." : "Empty: the key of bursting."),
      field(`AWS secret key of ${what}`, input(secret, { type: "password", maxlength: 256, autocomplete: "new-password" }), [parts.secrets.get(secret), " It is never shown."]))),
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

/* Infinity's own settings beside ours, as it has them now. */
async function infinity() {
  const mine = parts;
  const theirs = await get(INFINITY).catch(() => null);
  if (parts === mine && theirs) parts.infinity.show(parts.base, theirs);
}

export const settings = {
  async enter(main) {
    parts = {};
    const mine = parts;
    const note = h("div", { role: "status" }, h("p", { class: "empty" }, "Loading the settings…"));
    parts.thresholds = h("div", {}, thresholds());
    parts.infinity = besideInfinity(async () => {
      const base = await get(PATH);
      if (parts === mine) fill(base);
    });
    replace(main, h("section", {}, h("h1", {}, "Settings of bursting"), note), parts.infinity.element, parts.thresholds);
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
  update() {
    if (parts.base) infinity();
  },
};
