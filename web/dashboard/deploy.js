/* The form that deploys a Conferencing Node: the guide's table of fields (pages 16 to 18), and where to launch the instance. */
import { all } from "./api.js";
import { act, control, field } from "./actions.js";
import { h } from "./dom.js";
import { toOperations } from "./lifecycle.js";

/* How what was typed becomes JSON. What is empty is left out: the server's default holds. */
const TEXT = (text) => text;
const FLAG = (text) => text === "true";
const LIST = (text) => text.split(/[\s,]+/).filter(Boolean);
const NUMBERS = (text) => LIST(text).map(Number);
const TAGS = (text) => Object.fromEntries(text.split(",").map((one) => one.split("=").map((part) => part.trim())).map(([name, value]) => [name, value ?? ""]));

const text = (maxlength, more) => ({ type: "text", maxlength, spellcheck: "false", autocomplete: "off", ...more });
const options = (...list) => ({ options: list });
const needed = { required: true };

/* [name, label, control, hint, conversion] */
const FIRST = (places) => [
  ["name", "Name", text(32, needed), "Unique among all nodes."],
  ["hostname", "Hostname", text(63, needed), "Unique among all nodes and the Management Node."],
  ["domain", "Domain", text(192, needed), "With the hostname the node's DNS name."],
  ["location", "Location", options(...places.map((one) => [one.id, one.name])), "Proxying and transcoding nodes are not mixed in one.", Number],
  ["role", "Role", options(["", "transcoding"], ["proxying", "proxying"])],
  ["bursting", "Kind", options(["", "as its location"], ["true", "overflow: stopped until needed"], ["false", "always on"]), null, FLAG],
  ["ssh_password", "SSH password", { type: "password", maxlength: 250, autocomplete: "new-password", ...needed }, "Of the user admin. Sealed, and gone when the node is deployed."],
  ["key_name", "SSH key pair", text(255, needed), "Can be given at the launch alone."],
  ["subnet", "Subnet", text(64, needed), "Its id (subnet-…). Address, mask and gateway are learned from it."],
  ["security_groups", "Security groups", text(350, needed), "Up to five ids (sg-…), with commas.", LIST],
  ["instance_type", "Instance type", text(32), "Empty: c5.2xlarge, c5.xlarge for proxying."],
  ["tenancy", "Tenancy", options(["", "dedicated"], ["default", "shared"]), "Dedicated: shared hosts drop calls when they are oversubscribed."],
  ["public_addressing", "Public address", options(["", "none"], ["auto", "auto: another one at each start"], ["elastic", "Elastic IP: stays"]), "Becomes the node's static NAT address."],
  ["upload_to", "Send the configuration to", options(["", "the private address"], ["public", "the public address"]), "Public where there is no VPN to the VPC."],
];
const MORE = [
  ["description", "Description", text(250)],
  ["region", "Region", text(32), "Empty: the only one that is configured."],
  ["allocation_id", "Elastic IP address", text(64), "Its id (eipalloc-…). Empty: a new one, where Elastic IP is chosen."],
  ["version", "Version of the image", text(32), "Empty: the Management Node's."],
  ["configured_fqdn", "Configured FQDN", text(255), "The node's identity in SIP TLS; the certificate has to contain it."],
  ["tls_certificate", "TLS certificate", { type: "number", min: 1 }, "Infinity's id of it.", Number],
  ["enable_distributed_database", "Distributed database", options(["", "on for always on, off for overflow"], ["true", "on"], ["false", "off"]), null, FLAG],
  ["enable_ssh", "SSH", options(["", "as in the global settings"], ["ON", "on"], ["OFF", "off"])],
  ["ssh_authorized_keys_use_cloud", "The key pair may log in", options(["", "yes"], ["false", "no"]), null, FLAG],
  ["ssh_authorized_keys", "SSH authorized keys", text(250), "Infinity's ids, with commas.", NUMBERS],
  ["static_routes", "Static routes", text(250), "Infinity's ids, with commas.", NUMBERS],
  ["ipv6_address", "IPv6 address", text(45)],
  ["ipv6_gateway", "IPv6 gateway", text(45)],
  ["tags", "Tags", text(500), "name=value, with commas.", TAGS],
  ["reason", "Why", text(250)],
];

/* The hostname follows the name until somebody types one. */
function follow(name, hostname) {
  name.addEventListener("input", () => {
    if (!hostname.dataset.typed) hostname.value = name.value.toLowerCase().replace(/[^a-z0-9-]+/g, "-").replace(/^-+|-+$/g, "");
  });
  hostname.addEventListener("input", () => {
    hostname.dataset.typed = "yes";
  });
}

export async function deployNode() {
  const inputs = new Map();
  const row = ([name, label, properties, hint, convert = TEXT]) => {
    const input = control(properties);
    inputs.set(name, { input, convert });
    return field(label, input, hint);
  };
  const places = await all("/v1/locations");
  const fields = [h("div", { class: "grid" }, FIRST(places).map(row)), h("details", {}, h("summary", {}, "More fields"), h("div", { class: "grid" }, MORE.map(row)))];
  follow(inputs.get("name").input, inputs.get("hostname").input);
  act({
    title: "Deploy a node", method: "POST", path: "/v1/nodes", say: "Deploy it", wide: true, done: "The node is being deployed.", after: toOperations,
    body: () => Object.fromEntries([...inputs].filter(([, { input }]) => input.value.trim() !== "").map(([name, { input, convert }]) => [name, convert(input.value.trim())])),
  }, fields);
}
