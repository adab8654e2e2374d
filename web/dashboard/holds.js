/* Holds, and the schedules that make them: capacity that people know they will need. */
import { all, get } from "./api.js";
import { act, field, holdLocation, problemText } from "./actions.js";
import { h, list, replace, say } from "./dom.js";
import { at, running } from "./format.js";
import { live } from "./live.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
let parts = null;

const locationName = (id) => live.status.overflow_locations.find((one) => one.id === id)?.name ?? `location ${id}`;
const nodeName = (id) => live.status.overflow_nodes.find((one) => one.id === id)?.name ?? `node ${id}`;
const what = (one) => (one.nodes?.length ? one.nodes.map(nodeName).join(", ") : `${one.count ?? one.instances_to_add} of ${locationName(one.location)}`);

function holdItem(hold) {
  return h("li", { class: "card row" },
    h("div", {}, h("b", {}, what(hold)), " ", running(hold.until, "until", "for another "), h("span", { class: "sub" }, `until `, at(hold.until), ` · ${hold.reason || "no reason given"} · by ${hold.owner}`)),
    h("button", { type: "button", "data-control": "end", "aria-label": `End the hold of ${what(hold)}`, onclick: () => endHold(hold) }, "End it"));
}

function endHold(hold) {
  act({ title: `End the hold of ${what(hold)}`, method: "DELETE", path: `/v1/holds/${hold.id}`, say: "End it", danger: true, done: "The hold has ended." });
}

function days(schedule) {
  const on = DAYS.filter((name) => schedule[name]);
  return on.length === 7 ? "every day" : on.length ? on.join(", ") : "on single dates";
}

function firing(one) {
  const note = { gap: "clocks go forward here", overlap: "clocks go back here" }[one.dst];
  return h("li", {}, at(one.start ?? one.starts_at), ` to `, at(one.end ?? one.ends_at), note ? h("span", { class: "badge near" }, note) : null);
}

function scheduleItem(schedule) {
  const preview = h("ol", { class: "plan", "aria-live": "polite" });
  const toggle = h("details", { ontoggle: async () => {
    if (!toggle.open || preview.firstChild) return;
    try {
      const page = await get(`/v1/schedules/${schedule.id}/preview?count=5`);
      replace(preview, (page.items ?? page.firings).map(firing));
    } catch (error) {
      replace(preview, problemText(error));
    }
  } }, h("summary", {}, "Next times"), preview);
  return h("li", { class: "card row" },
    h("div", {}, h("b", {}, schedule.name), schedule.enabled ? null : h("span", { class: "badge" }, "off"), h("span", { class: "sub" }, `${what(schedule)} · ${days(schedule)} ${schedule.time_from} to ${schedule.time_to} (${schedule.local_timezone}) · ${schedule.minutes_in_advance} min ahead`), toggle),
    h("div", { class: "buttons" },
      h("button", { type: "button", "data-control": "toggle", "aria-label": `Switch ${schedule.name} ${schedule.enabled ? "off" : "on"}`, onclick: () => act({ title: `Switch ${schedule.name} ${schedule.enabled ? "off" : "on"}`, method: "PATCH", path: `/v1/schedules/${schedule.id}`, body: { enabled: !schedule.enabled }, say: schedule.enabled ? "Switch it off" : "Switch it on" }) }, schedule.enabled ? "Switch off" : "Switch on"),
      h("button", { type: "button", "data-control": "delete", "aria-label": `Delete ${schedule.name}`, onclick: () => act({ title: `Delete ${schedule.name}`, method: "DELETE", path: `/v1/schedules/${schedule.id}`, say: "Delete it", danger: true, done: "The schedule is deleted." }) }, "Delete")));
}

const places = () => h("select", {}, live.status.overflow_locations.map((one) => h("option", { value: one.id }, one.name)));

function newSchedule() {
  const name = h("input", { type: "text", maxlength: 100, required: true });
  const location = places();
  const count = h("input", { type: "number", min: 1, max: 100, value: 1, required: true });
  const from = h("input", { type: "time", value: "08:30", required: true });
  const to = h("input", { type: "time", value: "10:30", required: true });
  const zone = h("input", { type: "text", value: Intl.DateTimeFormat().resolvedOptions().timeZone, required: true });
  const ahead = h("input", { type: "number", min: 0, max: 720, value: 10, required: true });
  const boxes = DAYS.map((day, i) => h("input", { type: "checkbox", name: day, checked: i < 5 }));
  act({
    title: "New schedule", method: "POST", path: "/v1/schedules", say: "Make it", done: "The schedule is made.",
    body: () => ({ name: name.value, enabled: true, location: Number(location.value), instances_to_add: Number(count.value), time_from: from.value, time_to: to.value, local_timezone: zone.value, minutes_in_advance: Number(ahead.value), ...Object.fromEntries(boxes.map((box) => [box.name, box.checked])) }),
  }, [
    field("Name", name), field("Overflow location", location), field("How many nodes", count),
    h("fieldset", { class: "days" }, h("legend", {}, "Days"), boxes.map((box) => h("label", {}, box, box.name))),
    field("From", from), field("To", to, "At or before the start: on the next day."), field("Time zone", zone, "An IANA name, such as Europe/Oslo."), field("Minutes ahead", ahead, "So that the nodes serve when it begins."),
  ]);
}

function newHold() {
  const [first] = live.status.overflow_locations;
  if (first) holdLocation(first);
}

async function load() {
  const mine = parts;
  const [holding, planned] = await Promise.allSettled([all("/v1/holds"), all("/v1/schedules")]);
  if (parts !== mine) return;
  if (holding.status === "fulfilled") list(parts.holds, holding.value, (one) => one.id, holdItem);
  replace(parts.noHold, holding.status === "rejected" ? problemText(holding.reason) : holding.value.length ? [] : h("p", { class: "empty" }, "Nothing is held."));
  if (planned.status === "fulfilled") list(parts.schedules, planned.value, (one) => one.id, scheduleItem);
  say(parts.noSchedule, planned.status === "rejected" ? "The schedules could not be loaded." : planned.value.length ? "" : "There is no schedule.");
}

export const holds = {
  enter(main) {
    parts = { holds: h("ul", { class: "stack plain" }), schedules: h("ul", { class: "stack plain" }), noHold: h("div"), noSchedule: h("p", { class: "empty" }) };
    const none = !live.status.overflow_locations.length;
    replace(main, h("h1", {}, "Holds and schedules"),
      h("section", {}, h("h2", {}, "Holds"), h("p", { class: "hint" }, "Nodes that stay up until a time, whatever the load."), h("button", { type: "button", disabled: none, onclick: newHold }, "New hold…"), parts.holds, parts.noHold),
      h("section", {}, h("h2", {}, "Schedules"), h("p", { class: "hint" }, "Holds that are made by the clock."), h("button", { type: "button", disabled: none, onclick: newSchedule }, "New schedule…"), parts.schedules, parts.noSchedule));
    load();
  },
  leave() {
    parts = null;
  },
  update: () => load(),
};
