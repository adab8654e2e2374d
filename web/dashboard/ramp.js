/* How fast locations fill up, from what this page has seen of them: a straight line through the last minutes. */
const WINDOW_MS = 10 * 60e3;
const LEAST_MS = 60e3; // a slope over less says nothing

const seen = new Map(); // location id -> [[time, free HD calls], ...]

export function rememberLoad(status) {
  const now = Date.parse(status.generated_at);
  for (const location of [...status.principal_locations, ...status.overflow_locations]) {
    const points = seen.get(location.id) ?? [];
    if (points.length && points.at(-1)[0] >= now) continue;
    points.push([now, location.free_hd_calls]);
    while (points[0][0] < now - WINDOW_MS) points.shift();
    seen.set(location.id, points);
  }
}

/* The past that the server kept, so that a fresh page knows the slope, too. */
export function rememberSamples(id, samples) {
  const points = samples.map((sample) => [Date.parse(sample.time), sample.free_hd_calls]).filter(([time]) => time > Date.now() - WINDOW_MS);
  const known = seen.get(id) ?? [];
  seen.set(id, [...points.filter(([time]) => !known.length || time < known[0][0]), ...known].sort((a, b) => a[0] - b[0]));
}

/* Minutes until `location` is at its threshold if it goes on as in the last ten minutes; null = it does not fill up. */
export function minutesToThreshold(location) {
  const left = location.free_hd_calls - location.threshold_in_force;
  const points = seen.get(location.id) ?? [];
  if (left <= 0) return 0;
  if (points.length < 3 || points.at(-1)[0] - points[0][0] < LEAST_MS) return null;
  const n = points.length;
  const [t, f] = [0, 1].map((i) => points.reduce((sum, point) => sum + point[i], 0) / n);
  const slope = points.reduce((sum, p) => sum + (p[0] - t) * (p[1] - f), 0) / points.reduce((sum, p) => sum + (p[0] - t) ** 2, 0);
  return slope < 0 ? Math.round(left / -slope / 60e3) : null;
}
