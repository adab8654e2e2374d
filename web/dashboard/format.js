/* Times, durations and words as people read them. */
import { h } from "./dom.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/* Seconds as "45 s", "12 min", "3 h 05 min", "2 d 4 h". */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function moment(text) {
  const time = new Date(text);
  return Date.now() - time < 12 * 3600e3 && time.getDate() === new Date().getDate() ? clock.format(time) : day.format(time);
}

/* A point in time, with the exact one at hand. */
export const at = (text) => (text ? h("time", { datetime: text, title: text }, moment(text)) : "–");

/* A text that follows the clock: "since" counts up from `text`, "until" down to it. Driven by tick(). */
export const running = (text, kind, before = "", after = "") => {
  const element = h("time", { datetime: text, title: text, "data-clock": kind, "data-before": before, "data-after": after });
  show(element);
  return element;
};

function show(element) {
  const away = (new Date(element.dateTime) - Date.now()) / 1000;
  const text = element.dataset.before + duration(element.dataset.clock === "since" ? -away : away) + element.dataset.after;
  if (element.textContent !== text) element.textContent = text;
}

/* Once a second: every running text and every progress bar of a known length. */
export function tick() {
  for (const element of document.querySelectorAll("time[data-clock]")) show(element);
  for (const bar of document.querySelectorAll("progress[data-from]")) {
    bar.value = Math.min(1, (Date.now() - bar.dataset.from) / (bar.dataset.to - bar.dataset.from));
  }
}

export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
