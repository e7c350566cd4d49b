// Risks as bars on one scale, which is the same for every ECG.

import { make, percent } from "./dom.js";

const END = 0.5;
const STEP = 0.1;

export function risks(answer) {
  if (!answer.risks.length) return [];
  const ticks = make("div", { class: "ticks", "aria-hidden": "true" });
  for (let share = 0; share <= END + 1e-9; share += STEP) {
    const tick = make("span", {}, `${Math.round(100 * share)} %`);
    tick.style.left = place(share);
    ticks.append(tick);
  }
  return [
    make("h3", {}, "Risks"),
    make("div", { class: "risks" }, ...answer.risks.map(riskRow), make("div", { class: "risk scale" }, ticks)),
    make("p", { class: "soft" }, `Bar: probability; the scale ends at ${100 * END} % for every ECG, and ▸ marks what goes on beyond. Line below: its 95 % interval. ▼ Share of the ${answer.learned_from} with the disease where the model was calibrated.`),
  ];
}

function riskRow(risk) {
  const fill = make("div", { class: "fill" });
  const mark = make("div", { class: "mark" });
  const track = make("div", { class: "track", "aria-hidden": "true" }, fill, mark);
  fill.style.width = place(risk.probability);
  mark.style.left = place(risk.prevalence);
  if (risk.low !== null) {
    const reach = make("div", { class: "reach" });
    [reach.style.left, reach.style.right] = [place(risk.low), `calc(100% - ${place(risk.high)})`];
    track.append(reach);
  }
  if (Math.max(risk.probability, risk.high ?? 0) > END) track.append(make("span", { class: "beyond" }, "▸"));
  const times = risk.prevalence > 0 ? `${(risk.probability / risk.prevalence).toFixed(1)} times the ${percent(risk.prevalence)} of those it was calibrated on` : "";
  const limits = risk.low === null ? "" : `95 % interval ${percent(risk.low)} to ${percent(risk.high)}`;
  return make("div", { class: "risk" }, make("span", {}, risk.label), make("b", {}, percent(risk.probability)), track, make("span", { class: "soft" }, [limits, times].filter(Boolean).join("; ")));
}

function place(share) {
  return `${(100 * Math.min(1, share / END)).toFixed(2)}%`;
}
