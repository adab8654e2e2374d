/* Load over time of one location: free and max HD calls, the threshold, and when nodes were started and stopped. */
import { all, get } from "./api.js";
import { h, say } from "./dom.js";
import { live } from "./live.js";

const { uPlot } = globalThis; // uplot.js, a script that runs before the modules

const HOURS = { 1: "hour", 6: "6 hours", 24: "day", 168: "week" };
const FINE_HOURS = 24; // beyond, means of ten minutes do
const MARKS = { start: "▲", running: "●", stop: "▼" };
const AGAIN_MS = 30e3;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function columns(samples) {
  const sorted = [...samples].sort((a, b) => (a.time < b.time ? -1 : 1));
  return [sorted.map((s) => Date.parse(s.time) / 1000), sorted.map((s) => s.max_hd_calls), sorted.map((s) => s.free_hd_calls), sorted.map((s) => s.threshold_in_force)];
}

/* Starts and stops as lines through the chart, with a sign at the top: told apart without colour. */
function drawMarks(events) {
  return (plot) => {
    const { ctx } = plot;
    ctx.save();
    ctx.textAlign = "center";
    ctx.font = `${11 * devicePixelRatio}px sans-serif`;
    for (const event of events()) {
      const x = plot.valToPos(Date.parse(event.time) / 1000, "x", true);
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = colour(event.type === "stop" ? "--stopped" : "--near");
      ctx.setLineDash([3, 4]);
      ctx.beginPath();
      ctx.moveTo(x, plot.bbox.top);
      ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      ctx.stroke();
      ctx.fillText(MARKS[event.type], x, plot.bbox.top - 3 * devicePixelRatio);
    }
    ctx.restore();
  };
}

function options(width, events) {
  const line = (label, name, more) => ({ label, stroke: () => colour(name), width: 2, points: { show: false }, ...more });
  const axis = { stroke: () => colour("--dim"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width, height: 240, padding: [18, 8, 0, 0], cursor: { points: { size: 7 } },
    scales: { y: { range: (plot, low, high) => [0, Math.max(10, high * 1.05)] } },
    axes: [axis, { ...axis, size: 44 }],
    series: [{}, line("max HD", "--dim", { width: 1 }), line("free HD", "--accent", { fill: () => `${colour("--accent")}22` }), line("threshold", "--short", { dash: [6, 4], width: 1.5 })],
    hooks: { draw: [drawMarks(events)] },
  };
}

export function loadChart() {
  const place = h("select", { id: "chart-location" });
  const span = h("select", { id: "chart-span" }, Object.entries(HOURS).map(([hours, text]) => h("option", { value: hours, selected: hours === "6" }, `last ${text}`)));
  const box = h("div", { class: "chart", role: "img" });
  const note = h("p", { class: "hint", role: "status" }, "Loading…");
  const element = h("div", { class: "card" }, h("div", { class: "controls" }, h("label", { for: "chart-location" }, "Location "), place, h("label", { for: "chart-span" }, " Time "), span), box, note);
  let plot = null;
  let events = [];
  let loadedAt = 0;
  let shown = 0;

  async function load() {
    const mine = ++shown;
    const hours = Number(span.value);
    const since = new Date(Math.floor((Date.now() - hours * 3600e3) / 60e3) * 60e3).toISOString();
    loadedAt = Date.now();
    try {
      const [samples, history] = await Promise.all([
        all(`/v1/samples?location=${place.value}&since=${since}${hours > FINE_HOURS ? "&resolution=10m" : ""}`),
        get(`/v1/history?since=${since}&limit=500`),
      ]);
      if (mine === shown) show(samples, history.items.filter((event) => event.type in MARKS));
    } catch (error) {
      if (mine === shown) say(note, error.status === 404 ? "This burstd keeps no samples." : "The samples could not be loaded.");
    }
  }

  function show(samples, marks) {
    const data = columns(samples);
    const starts = marks.filter((event) => event.type === "start").length;
    events = marks;
    if (!samples.length) return say(note, "No samples of this time yet.");
    if (plot) plot.setData(data);
    else plot = new uPlot(options(box.clientWidth || 600, () => events), data, box);
    const least = Math.min(...data[2]);
    const text = `Between ${least} and ${Math.max(...data[2])} HD calls were free; threshold ${data[3].at(-1)}. ${starts} starts of nodes (▲), ${marks.filter((event) => event.type === "stop").length} stops (▼).`;
    box.setAttribute("aria-label", text);
    say(note, text);
  }

  const resized = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: 240 }));
  resized.observe(box);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => plot?.redraw();
  scheme.addEventListener("change", repaint);
  place.addEventListener("change", load);
  span.addEventListener("change", load);

  return {
    element,
    update(status) {
      const all = [...status.principal_locations, ...status.overflow_locations];
      if (place.options.length !== all.length) {
        const before = place.value;
        place.replaceChildren(...all.map((location) => h("option", { value: location.id }, location.name)));
        if (before) place.value = before;
      }
      if (all.length && Date.now() - loadedAt > AGAIN_MS) load();
      else if (!all.length) say(note, live.status ? "There is no location to show." : "Loading…");
    },
    destroy() {
      resized.disconnect();
      scheme.removeEventListener("change", repaint);
      plot?.destroy();
    },
  };
}
