// The left ventricle by AHA segment: base outside, apex inside, the global value in the centre. Anterior is up, septum left.

const RINGS = [
  { inner: 100, outer: 140, count: 6, first: 0, begin: 60 },
  { inner: 62, outer: 100, count: 6, first: 6, begin: 60 },
  { inner: 26, outer: 62, count: 4, first: 12, begin: 45 },
];
const BLUE_TO_RED = [[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]];
const SVG = "http://www.w3.org/2000/svg";

// `values`: 16 segments, then the global value; `scores`: the same in -1..1, or null where there is no reference.
// `digits`: of a segment after the point; the global value has one.
export function bullsEye(title, unit, values, scores, digits) {
  const svg = element("svg", { viewBox: "-162 -158 324 316", role: "img" });
  svg.append(element("title", {}, `${title} by segment, ${unit}: ${values.slice(0, 16).map((v) => v.toFixed(digits)).join(", ")}; global ${values[16].toFixed(1)}`));
  for (const ring of RINGS) {
    const step = 360 / ring.count;
    for (let k = 0; k < ring.count; k++) {
      const from = ring.begin + k * step;
      const segment = ring.first + k;
      const radius = (ring.inner + ring.outer) / 2;
      const middle = ((from + step / 2) * Math.PI) / 180;
      svg.append(element("path", { d: sector(ring.inner, ring.outer, from, from + step), fill: colour(scores[segment]) }));
      svg.append(label(radius * Math.cos(middle), -radius * Math.sin(middle), values[segment], scores[segment], digits));
    }
  }
  svg.append(element("circle", { r: 26, fill: colour(scores[16]) }));
  svg.append(label(0, 0, values[16], scores[16], 1));
  for (const [x, y, name] of [[0, -149, "anterior"], [0, 149, "inferior"], [-152, 0, "septal"], [152, 0, "lateral"]]) {
    svg.append(element("text", { x, y, class: "wall", transform: x ? `rotate(-90 ${x} ${y})` : "" }, name));
  }
  return svg;
}

function sector(inner, outer, from, to) {
  const [a, b] = [from, to].map((degrees) => (degrees * Math.PI) / 180);
  const at = (radius, angle) => `${(radius * Math.cos(angle)).toFixed(2)} ${(-radius * Math.sin(angle)).toFixed(2)}`;
  return `M ${at(outer, a)} A ${outer} ${outer} 0 0 0 ${at(outer, b)} L ${at(inner, b)} A ${inner} ${inner} 0 0 1 ${at(inner, a)} Z`;
}

function label(x, y, value, score, digits) {
  const dark = score !== null && Math.abs(score) > 0.75;
  return element("text", { x: x.toFixed(1), y: y.toFixed(1), class: dark ? "light" : "" }, value.toFixed(digits).replace("-", "−"));
}

function colour(score) {
  if (score === null) return "#dddddd";
  const place = ((Math.max(-1, Math.min(1, score)) + 1) / 2) * (BLUE_TO_RED.length - 1);
  const low = Math.min(Math.floor(place), BLUE_TO_RED.length - 2);
  const mixed = BLUE_TO_RED[low].map((c, k) => Math.round(c + (BLUE_TO_RED[low + 1][k] - c) * (place - low)));
  return `rgb(${mixed.join(",")})`;
}

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
