/* The page: signing in, views by address, the line that says how fresh everything is. */
import { get, token } from "./api.js";
import { h, replace, say } from "./dom.js";
import { duration, tick } from "./format.js";
import { isOld, live, onChange, start, stop } from "./live.js";
import { history } from "./history.js";
import { holds } from "./holds.js";
import { nodes } from "./nodes.js";
import { operations } from "./operations.js";
import { overview } from "./overview.js";
import { settings } from "./settings.js";

const VIEWS = { "": overview, nodes, history, holds, operations, settings };
const main = document.getElementById("main");
const banner = document.getElementById("banner");
let view = null;

/* --- signing in ------------------------------------------------------------------------------------------------- */

function signIn(why = "") {
  stop();
  token.clear();
  view = null;
  document.getElementById("sign-out").hidden = true;
  document.getElementById("live").hidden = true;
  banner.hidden = true;
  const field = h("input", { id: "token", type: "password", autocomplete: "off", required: true, spellcheck: "false", "aria-describedby": "token-help" });
  const wrong = h("p", { class: "wrong", role: "alert" }, why);
  const form = h("form", { class: "card sign-in", onsubmit: (event) => { event.preventDefault(); trySignIn(field, wrong); } },
    h("h1", {}, "burstd"),
    h("label", { for: "token" }, "API token"), field,
    h("p", { id: "token-help", class: "hint" }, "Kept in this tab only. The first one is in ", h("code", {}, "admin.token"), " of the state directory; ",
      h("code", {}, "burstd token create"), " makes more."),
    wrong, h("button", { class: "primary" }, "Show the platform"));
  replace(main, form);
  field.focus();
}

async function trySignIn(field, wrong) {
  token.set(field.value.trim());
  try {
    await get("/v1/status");
  } catch (error) {
    token.clear();
    say(wrong, error.status ? error.message : "The server does not answer.");
    field.select();
    return;
  }
  begin();
}

async function begin() {
  document.getElementById("sign-out").hidden = false;
  document.getElementById("live").hidden = false;
  replace(main, h("p", { class: "empty", "aria-busy": "true" }, "Loading the platform…"));
  await start();
  if (live.status) route();
}

/* --- views ------------------------------------------------------------------------------------------------------ */

function route() {
  if (!token.get()) return signIn();
  const name = location.hash.replace(/^#\/?/, "").split("?")[0];
  const next = VIEWS[name] ?? overview;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash.replace(/^#\/?/, "") === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view?.leave?.();
  view = next;
  replace(main);
  view.enter(main);
  document.title = name ? `${document.querySelector('nav a[aria-current="page"]')?.textContent ?? name} – burstd` : "burstd";
  if (live.status) view.update?.(new Set(["start"]));
}

/* --- how fresh it is -------------------------------------------------------------------------------------------- */

function trouble() {
  if (live.error && !live.error.status) return "burstd does not answer.";
  if (live.error) return live.error.message;
  return isOld() ? "Nothing new has come from burstd." : null;
}

function freshness() {
  tick();
  if (!token.get()) return;
  const age = (Date.now() - live.at) / 1000;
  const why = trouble();
  const state = why ? "stale" : live.streaming ? "live" : "polling";
  document.getElementById("live").dataset.state = state;
  say(document.getElementById("live-text"), { stale: "not up to date", live: "live", polling: "every 5 s" }[state]);
  banner.hidden = !why;
  if (why) say(banner, live.at ? `${why} What you see is ${duration(age)} old.` : why);
  document.body.classList.toggle("stale", Boolean(why));
}

onChange((kinds) => {
  if (live.error?.status === 401) return signIn("This token is no longer valid.");
  if (!view && live.status) route();
  else if (live.status && !kinds.has("error")) view?.update?.(kinds);
  freshness();
});
setInterval(freshness, 1000);
addEventListener("hashchange", () => { route(); scrollTo(0, 0); main.focus({ preventScroll: true }); });
document.getElementById("sign-out").addEventListener("click", () => signIn());

if (token.get()) begin();
else signIn();
