/* The nodes that run in EC2, always on or overflow, and what can be done with each; and deploying another one. */
import { all, get } from "./api.js";
import { problemText, toast } from "./actions.js";
import { deployNode } from "./deploy.js";
import { h, list, replace, say } from "./dom.js";
import { plural } from "./format.js";
import { menuButton, off, subject } from "./lifecycle.js";

const FACTS = ["id", "name", "location", "location_name", "role", "bursting", "phase", "sync", "maintenance_mode", "instance", "operation"];
let parts = null;

function row(node) {
  const { instance, operation } = node;
  return h("tr", {},
    h("th", { scope: "row" }, node.name, h("span", { class: "sub" }, `${instance.id} · ${instance.type} · ${instance.zone ?? instance.region}`)),
    h("td", { "data-label": "Location" }, node.location_name ?? "–", h("span", { class: "sub" }, `${node.role}, ${node.bursting ? "overflow" : "always on"}`)),
    h("td", { "data-label": "State" }, h("span", { class: `badge type-${instance.state}` }, instance.state), h("span", { class: "sub" }, [node.phase, node.sync, node.maintenance_mode ? "in maintenance" : null].filter(Boolean).join(" · ")),
      operation ? h("a", { class: "sub", href: "#/operations" }, `${subject(operation)}: ${operation.state.replaceAll("_", " ")}`) : null),
    h("td", { "data-label": "Public address" }, instance.public_address ?? "–", h("span", { class: "sub" }, instance.public_address ? (instance.elastic ? "stays" : "until it is stopped") : "")),
    h("td", { class: "actions" }, menuButton(node)));
}

async function load() {
  const mine = parts;
  try {
    const [nodes, bursting] = await Promise.all([all("/v1/nodes"), get("/v1/bursting")]);
    if (parts !== mine) return;
    const here = nodes.filter((node) => node.instance);
    list(parts.rows, here.map((node) => Object.fromEntries(FACTS.map((name) => [name, node[name]]))), (node) => node.id, row);
    parts.deploy.disabled = !bursting.allow_lifecycle;
    list(parts.off, bursting.allow_lifecycle ? [] : ["off"], String, off);
    say(parts.note, nodes.length > here.length ? `${plural(nodes.length - here.length, "node has", "nodes have")} no instance in EC2 and ${nodes.length - here.length === 1 ? "is" : "are"} not listed.` : "");
    parts.table.hidden = !here.length;
  } catch (error) {
    if (parts === mine) replace(parts.note, problemText(error));
  }
}

async function deploy() {
  try {
    await deployNode();
  } catch (error) {
    toast(error.message, "failed");
  }
}

export const nodes = {
  enter(main) {
    parts = { rows: h("tbody"), off: h("div"), note: h("div", { class: "empty", role: "status" }), deploy: h("button", { type: "button", disabled: true, onclick: deploy }, "Deploy a node…") };
    parts.table = h("div", { class: "card scroll", hidden: true }, h("table", { class: "nodes" }, h("caption", { class: "unseen" }, "Nodes in EC2"),
      h("thead", {}, h("tr", {}, ["Node", "Location", "State", "Public address", "Actions"].map((name) => h("th", { scope: "col" }, name)))), parts.rows));
    replace(main, h("section", {}, h("h1", {}, "Nodes in EC2"), h("p", { class: "controls" }, parts.deploy), parts.off, parts.table, parts.note));
    load();
  },
  leave() {
    parts = null;
  },
  update: () => load(),
};
