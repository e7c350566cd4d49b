// Phenotypes as a table, and the segments of the left ventricle as bull's-eyes.

import { bullsEye } from "./bulls_eye.js";
import { make, row, wide } from "./dom.js";

const GROUPS = { LV: "Left ventricle", RV: "Right ventricle", WT: "Wall thickness", Ecc: "Circumferential strain", Err: "Radial strain" };
const STRAIN = ["Ecc", "Err"];
const WORTHLESS_R = 0.3;

export function phenotypes(answer, measurements) {
  if (!answer.phenotypes.length) return [];
  return [make("h3", {}, "Phenotypes"), ...table(answer, ["LV", "RV"]), ...varyLess(answer), ...segments(answer, measurements)];
}

function table(answer, groups) {
  const body = make("tbody");
  for (const group of groups) {
    const rows = answer.phenotypes.filter((one) => one.group === group);
    if (!rows.length) continue;
    body.append(make("tr", { class: "heading" }, make("th", { colspan: 5, scope: "rowgroup" }, GROUPS[group])));
    for (const one of rows) body.append(phenotypeRow(one));
  }
  if (!body.children.length) return [];
  const head = row("th", ["Phenotype", "Predicted", `In 80 of 100 ${answer.learned_from}`, "Reference", ""]);
  head.lastChild.className = "range";
  const reference = answer.reference_for ? `Reference: measured values of 95 of 100 ${answer.reference_for}` : `No reference range: ${answer.reference_missing}.`;
  const whole = make("table", { class: "phenotypes" }, make("caption", {}, reference), make("thead", {}, head), body);
  return [wide(`Phenotypes: ${groups.map((group) => GROUPS[group]).join(", ")}`, whole).box];
}

function varyLess(answer) {
  if (!answer.reference_for) return [];
  return [make("p", { class: "soft" }, "Predicted values vary less than measured ones, so nearly all lie within the reference range: that is no finding.")];
}

function phenotypeRow(one) {
  const digits = isSegmentalStrain(one) || Math.abs(one.value) >= 100 ? 0 : 1;
  const shown = (value) => value.toFixed(digits).replace("-", "−");
  const outside = one.reference_low !== null && (one.value < one.reference_low ? "below" : one.value > one.reference_high ? "above" : "");
  const value = make("td", {}, `${shown(one.value)} ${one.unit}`);
  if (outside) value.append(" ", make("span", { class: "outside", title: `${outside} the reference range` }, outside === "above" ? "↑" : "↓"));
  const range = make("td", { class: "range" });
  if (one.reference_low !== null) range.append(rangeBar(one));
  return make(
    "tr", {},
    make("th", { scope: "row" }, one.name.replaceAll("_", " ")),
    value,
    make("td", {}, one.low_80 === null ? "–" : `${shown(one.low_80)} to ${shown(one.high_80)}`),
    make("td", {}, one.reference_low === null ? "–" : `${shown(one.reference_low)} to ${shown(one.reference_high)}`),
    range,
  );
}

function rangeBar(one) {
  const width = one.reference_high - one.reference_low;
  const [from, to] = [one.reference_low - width / 2, one.reference_high + width / 2];
  const place = (value) => `${Math.max(0, Math.min(100, (100 * (value - from)) / (to - from))).toFixed(1)}%`;
  const track = make("div", { class: "track", role: "img", "aria-label": `z-score ${one.z_score.toFixed(1)}` }, make("div", { class: "fill" }), make("div", { class: "mark" }));
  track.children[0].style.left = place(one.reference_low);
  track.children[0].style.right = `calc(100% - ${place(one.reference_high)})`;
  track.children[1].style.left = place(one.value);
  return track;
}

function segments(answer, measurements) {
  const found = Object.keys(GROUPS).filter((group) => answer.phenotypes.filter((one) => one.group === group).length === 17);
  if (!found.length) return [];
  const untold = found.filter((group) => STRAIN.includes(group) && segmentalR(answer, group, measurements) < WORTHLESS_R);
  const told = found.filter((group) => !untold.includes(group));
  const parts = [make("h3", {}, "Segments of the left ventricle"), ...eyes(answer, told)];
  if (untold.length) {
    const r = untold.map((group) => `${GROUPS[group].toLowerCase()} r ${segmentalR(answer, group, measurements).toFixed(2)}`).join(", ");
    parts.push(make("details", {}, make("summary", {}, `Segmental strain, which this model hardly tells (median of the segments on ${answer.learned_from}: ${r})`), ...eyes(answer, untold)));
  }
  return [...parts, make("details", {}, make("summary", {}, "All segments as a table"), ...table(answer, found))];
}

function eyes(answer, groups) {
  if (!groups.length) return [];
  const compared = Boolean(answer.reference_for);
  const figures = groups.map((group) => {
    const found = answer.phenotypes.filter((one) => one.group === group);
    const scores = found.map((one) => (compared ? one.z_score / 3 : null));
    const picture = bullsEye(GROUPS[group], found[0].unit, found.map((one) => one.value), scores, STRAIN.includes(group) ? 0 : 1);
    return make("figure", {}, make("figcaption", {}, `${GROUPS[group]}, ${found[0].unit}`), picture);
  });
  const strain = groups.some((group) => STRAIN.includes(group));
  const colour = compared ? `Colour: distance from the mean of ${answer.reference_for}.` : `Grey: no reference range, ${answer.reference_missing}.`;
  const signs = strain && compared ? " Circumferential strain is negative where the wall shortens: red is weaker there, as blue is for radial strain." : "";
  return [
    make("div", { class: "eyes" }, ...figures),
    ...(strain ? [make("p", {}, "Even measured on MRI, segmental strain does not correlate with the truth within one heart: differences between these segments mean nothing (docs/phenotypes.md).")] : []),
    make("p", { class: "soft" }, `${colour} The centre is the global value.${signs}`),
    ...(compared ? [make("p", { class: "key soft" }, "3 SD below", make("i"), "3 SD above")] : []),
  ];
}

function isSegmentalStrain(one) {
  return STRAIN.includes(one.group) && one.column.includes("_aha_");
}

// The median over the segments; NaN, which is below nothing, where the bundle does not say.
function segmentalR(answer, group, measurements) {
  const columns = new Set(answer.phenotypes.filter((one) => one.group === group && one.column.includes("_aha_")).map((one) => one.column));
  const values = measurements.filter((one) => one.metric === "r" && columns.has(one.column)).map((one) => one.value).sort((a, b) => a - b);
  return values.length ? values[Math.floor(values.length / 2)] : NaN;
}
