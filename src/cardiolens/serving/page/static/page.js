// One page: files go to the service, answers come back as plain values and are drawn here. Text from files is only ever text.

import { banner, download, figure, make, percent, row, saver, wide } from "./dom.js";
import { phenotypes } from "./phenotypes.js";
import { risks } from "./risks.js";

const $ = (id) => document.getElementById(id);
const results = $("results");
const SETTINGS = ["sex", "age_years", "rate_hz", "unit", "leads"];
let model = null;
let held = [];
let asked = 0;

fetch("v1/model").then((answer) => answer.json()).then((found) => {
  model = found;
  $("notice").textContent = `${found.training_data}.`;
}).catch(() => say("The service does not answer.", true));

$("files").addEventListener("change", (event) => take([...event.target.files]));
// A browser notices no change where the same name is chosen again, which is what a mended file has.
$("files").addEventListener("click", (event) => { event.target.value = ""; });
$("sample").addEventListener("click", async () => {
  const content = await (await fetch("sample_ecg.xml")).blob();
  take([new File([content], "synthetic ECG.xml")]);
});
for (const id of [...SETTINGS, "allow_missing_leads"]) $(id).addEventListener("change", () => held.length && take(held));
$("form").addEventListener("submit", (event) => event.preventDefault());
// Anywhere: a browser leaves the page for a file that is dropped beside the box.
for (const [type, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(type, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    $("drop").classList.toggle("over", over);
    if (type === "drop") take([...event.dataTransfer.files]);
  });
}

async function take(files) {
  if (!files.length) return;
  held = files;
  const number = ++asked;
  results.replaceChildren();
  say(`Reading ${files.length === 1 ? files[0].name : `${files.length} files`} …`);
  try {
    const many = files.length > 1 && !isOneRecord(files);
    if (many || files[0].name.toLowerCase().endsWith(".zip")) {
      const answers = await ask("v1/batch", files);
      if (number === asked) showMany(files, answers);
    } else {
      const answer = await ask("v1/predict", files);
      if (number === asked) showOne(files, answer);
    }
  } catch (error) {
    if (number === asked) say(error.message, true);
  }
}

function isOneRecord(files) {
  const stems = new Set(files.map((file) => file.name.replace(/\.(hea|dat|mat)$/i, "")));
  return stems.size === 1 && files.every((file) => /\.(hea|dat|mat)$/i.test(file.name));
}

async function ask(path, files, more = {}) {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  for (const id of SETTINGS) if ($(id).value) form.append(id, $(id).value);
  if ($("allow_missing_leads").checked) form.append("allow_missing_leads", "true");
  for (const [key, value] of Object.entries(more)) form.append(key, value);
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body: form });
  } catch {
    throw new Error((await unreadable(files)) || "The service does not answer; is it still running?");
  }
  const kind = answer.headers.get("content-type") || "";
  if (!answer.ok) throw new Error(kind.includes("json") ? (await answer.json()).detail : `The service answered ${answer.status}.`);
  return kind.includes("json") ? answer.json() : answer.blob();
}

// A browser sends nothing where it cannot read a file, and says no more than where nobody answers.
async function unreadable(files) {
  for (const file of files) {
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      return `${file.name}: the browser cannot read it. Of a folder choose the files, or a zip of it; a file that has changed choose again.`;
    }
  }
  return "";
}

function say(text, failed = false) {
  $("status").textContent = text;
  $("status").classList.toggle("failed", failed);
}

function showOne(files, answer) {
  say("");
  const paper = figure("The ECG on paper, 25 mm/s and 10 mm/mV", "Drawing the ECG …");
  results.replaceChildren(
    make("h2", {}, answer.source),
    ...(answer.warning ? [banner("Caution: ", answer.warning)] : []),
    ...(answer.quality_notes.length ? [banner(`Quality: ${answer.quality}. `, answer.quality_notes.join("; "))] : []),
    ...recorder(answer),
    paper.box,
    ...(answer.notes.length ? [make("p", { class: "soft" }, `Noted: ${answer.notes.join("; ")}`)] : []),
    ...risks(answer),
    ...phenotypes(answer, model?.measurements || []),
    ...howSure(answer),
    ...explanation(files),
    saver("Save this answer (JSON)", "answer.json", "application/json", () => JSON.stringify(answer, null, 1)),
  );
  results.focus({ preventScroll: true });
  ask("v1/paper", files).then((png) => paper.show(URL.createObjectURL(png)), (error) => paper.fail(error.message));
}

function recorder(answer) {
  if (!answer.recorder_statements.length) return [];
  return [make("p", { class: "recorder" }, make("strong", {}, "The recorder’s own reading: "), answer.recorder_statements.join("; "), make("span", { class: "soft" }, " (written by the machine that recorded the ECG; this model does not read it)"))];
}

function howSure(answer) {
  const lines = [];
  if (model?.on_real_ecgs) lines.push(model.on_real_ecgs);
  if (answer.applicability !== null) {
    lines.push(`This ECG is ${answer.applicability.toFixed(2)} times as far from the ECGs the model learned from as 99 of 100 of these; above 1 its answer is a guess. Below 1 promises nothing.`);
  }
  lines.push(`The interval of a risk is that of the estimate. The interval of a phenotype is where an MRI would measure it in 80 of 100 ${answer.learned_from} like those the model was calibrated on.`);
  const rows = (model?.measurements || []).filter((m) => ["auc", "r"].includes(m.metric)).filter((m) => m.metric === "auc" || ["lvedv_ml", "lvef_percent", "lvm_g", "rvedv_ml", "rvef_percent"].includes(m.column));
  const parts = [make("h3", {}, "How sure"), ...lines.map((line) => make("p", {}, line))];
  if (rows.length) {
    const names = Object.fromEntries(model.targets.map((one) => [one.column, one.name]));
    const body = rows.map((m) => make("tr", {}, make("th", { scope: "row" }, names[m.column] || m.column), make("td", {}, m.metric === "auc" ? "AUC" : "r"), make("td", {}, `${m.value.toFixed(2)} (${m.low.toFixed(2)} to ${m.high.toFixed(2)})`), make("td", {}, `${m.subjects}${m.events ? `, ${m.events} cases` : ""}`)));
    const shown = wide("How well this model did", make("table", {}, make("thead", {}, row("th", ["What", "Measure", "Value (95 %)", "On"])), make("tbody", {}, ...body)));
    parts.push(make("details", {}, make("summary", {}, `How well this model did on ${answer.learned_from} it had not seen`), shown.box));
  }
  parts.push(make("p", { class: "soft" }, `${answer.model}. ${answer.notice}`));
  return parts;
}

function explanation(files) {
  if (!model) return [];
  const select = make("select", { id: "target" }, ...model.targets.map((one) => make("option", { value: one.column }, one.name.replaceAll("_", " "))));
  if (model.targets.some((one) => one.column === "lvef_percent")) select.value = "lvef_percent";
  const button = make("button", { type: "button", class: "plain" }, "Show what carries it");
  const place = make("div", { "aria-live": "polite" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    place.replaceChildren(make("p", { class: "soft" }, "Computing; a few seconds …"));
    try {
      const found = await ask("v1/explain", files, { target: select.value });
      const shown = figure(found.saliency_words, "");
      shown.show(found.saliency);
      place.replaceChildren(
        shown.box,
        make("p", { class: "caption" }, `${found.saliency_words} Colour: what the answer loses when that stretch of every beat is drawn as a straight line; red had raised it, blue had lowered it. It shows what the model used, not what causes what.`),
        ...lookAlikes(found),
      );
    } catch (error) {
      place.replaceChildren(make("p", { class: "outside" }, error.message));
    }
    button.disabled = false;
  });
  return [make("h3", {}, "What carries an answer, and who resembles this heart"), make("p", {}, make("label", {}, "Answer ", select), " ", button), place];
}

function lookAlikes(found) {
  if (!found.look_alikes.length) return [];
  const hearts = found.look_alikes.map((one) => make("figure", {}, make("img", { src: one.picture, alt: `MRI of ${one.name}, middle slice at end-diastole` }), make("figcaption", {}, make("strong", {}, one.name), make("br"), one.words)));
  return [make("h3", {}, "Hearts whose MRI lies nearest"), make("p", {}, found.worth), make("div", { class: "alike" }, ...hearts)];
}

function noted(answer) {
  const own = answer.recorder_statements.length ? [`the recorder’s own reading: ${answer.recorder_statements.join("; ")}`] : [];
  const text = [answer.warning, ...answer.quality_notes, ...own].filter(Boolean).join("; ");
  if (!text) return answer.quality;
  const verdict = answer.warning ? "caution: unlike what it learned from" : answer.quality;
  return make("details", {}, make("summary", {}, own.length ? `${verdict}; the recorder’s reading` : verdict), text);
}

function showMany(files, answers) {
  const refused = answers.filter((one) => one.reason).length;
  say(`${answers.length} ECGs${refused ? `, ${refused} refused` : ""}.`);
  const diseases = answers.find((one) => one.risks)?.risks || [];
  const told = ["lvedv_ml", "lvef_percent", "lvm_g", "rvef_percent"];
  const known = answers.find((one) => one.phenotypes)?.phenotypes.filter((one) => told.includes(one.column)) || [];
  const head = row("th", ["ECG", ...diseases.map((one) => one.label), ...known.map((one) => `${one.name}, ${one.unit}`), "Notes"]);
  const body = answers.map((one) => {
    const name = make("th", { scope: "row" }, one.source);
    if (one.reason) return make("tr", {}, name, make("td", { class: "text outside", colspan: diseases.length + known.length + 1 }, one.reason));
    const values = known.map((column) => one.phenotypes.find((p) => p.column === column.column).value.toFixed(1));
    return make("tr", {}, name, ...one.risks.map((risk) => make("td", {}, percent(risk.probability))), ...values.map((value) => make("td", {}, value)), make("td", { class: "text" }, noted(one)));
  });
  const save = make("button", { type: "button" }, "Download all values (CSV)");
  save.addEventListener("click", async () => {
    save.disabled = true;
    try {
      download("cardiolens.csv", await ask("v1/table", files));
    } catch (error) {
      say(error.message, true);
    }
    save.disabled = false;
  });
  results.replaceChildren(make("h2", {}, `${answers.length} ECGs`), save, wide("Answers", make("table", { class: "answers" }, make("thead", {}, head), make("tbody", {}, ...body))).box, make("p", { class: "soft" }, answers.find((one) => one.notice)?.notice || ""));
  results.focus({ preventScroll: true });
}
