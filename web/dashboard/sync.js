/* The settings of Infinity's own bursting beside ours. Nothing is taken over or written unasked: pull and push show their plan. */
import { act, check, control } from "./actions.js";
import { h, list, replace } from "./dom.js";
import { at } from "./format.js";
import { toOperations } from "./lifecycle.js";

const NAMES = { enabled: "Bursting", bursting_threshold: "Threshold", minimum_lifetime_minutes: "Minimum lifetime (minutes)", cloud_provider: "Provider", aws_access_key_id: "AWS access key", aws_keys: "AWS keys" };
const SHOWN = ["enabled", "bursting_threshold", "minimum_lifetime_minutes", "cloud_provider", "aws_access_key_id"];

const shown = (value) => (value === null ? "not set" : value === true ? "on" : value === false ? "off" : String(value));

/* `chosen`: the fields with their ticks as the server has them by default. */
function move(action, chosen) {
  const boxes = Object.entries(chosen).map(([name, on]) => [name, control({ type: "checkbox", checked: on })]);
  act({ method: "POST", body: () => ({ fields: boxes.filter(([, box]) => box.checked).map(([name]) => name) }), ...action },
    [h("fieldset", { class: "days" }, h("legend", {}, "Which settings"), boxes.map(([name, box]) => check(NAMES[name], box)))]);
}

function pull(after) {
  move({ title: "Pull Infinity's settings", path: "/v1/bursting/pull", say: "Pull them", done: "The settings are taken over.", after },
    { bursting_threshold: true, minimum_lifetime_minutes: true, enabled: false });
}

function push(ours) {
  move({ title: "Push to Infinity's settings", path: "/v1/bursting/push", say: "Push them", done: "The settings are being written to Infinity.", after: toOperations },
    { bursting_threshold: true, minimum_lifetime_minutes: true, cloud_provider: true, aws_keys: ours.aws_access_key_id !== null && ours.aws_secret_access_key_set, enabled: false });
}

function row({ name, ours, theirs, differs }) {
  return h("tr", {}, h("th", { scope: "row" }, NAMES[name]), h("td", {}, shown(ours)), h("td", {}, shown(theirs), differs ? h("span", { class: "badge near" }, "differs") : null));
}

/* {element, show(ours, theirs)}: of /v1/bursting and /v1/bursting/infinity. `after` is called when ours have changed. */
export function besideInfinity(after) {
  const rows = h("tbody");
  const read = h("p", { class: "hint" });
  let settings = null;
  const element = h("div", { class: "card", hidden: true },
    h("div", { class: "scroll" }, h("table", {}, h("caption", {}, "Infinity's own bursting"), h("thead", {}, h("tr", {}, ["Setting", "burstd", "Infinity"].map((name) => h("th", { scope: "col" }, name)))), rows)), read,
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => pull(after) }, "Pull…"), h("button", { type: "button", onclick: () => push(settings) }, "Push…")));
  function show(ours, theirs) {
    settings = ours;
    element.hidden = !theirs.observed_at;
    list(rows, SHOWN.map((name) => {
      const other = theirs.differences.find((one) => one.field === name);
      return { name, ours: other ? other.burstd : ours[name], theirs: theirs[name], differs: Boolean(other) };
    }), (one) => one.name, row);
    replace(read, "Read ", at(theirs.observed_at), ". One of the two is meant to be off.");
  }
  return { element, show };
}
