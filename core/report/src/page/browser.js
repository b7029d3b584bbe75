"use strict";
(() => {
  const data = JSON.parse(document.getElementById("example-data").textContent);
  const root = document.getElementById("browser");
  const form = root.querySelector("form");
  const list = root.querySelector("ol");
  const found = root.querySelector(".found");
  const next = root.querySelector(".next");
  const PAGE = 20;
  let shown = 0;
  let matches = [];

  const fill = (select, values) => {
    const before = select.value;
    select.replaceChildren(...values.map(([value, text]) => new Option(text, value)));
    if (values.some(([value]) => value === before)) select.value = before;
  };
  const unique = (values) => [...new Set(values)];
  const fields = form.elements;
  fill(fields.task, unique(data.cells.map((c) => c.task)).map((t) => [t, t]));

  const cell = () =>
    data.cells.find((c) => c.task === fields.task.value && c.language === fields.language.value);
  const answer = (cell, model, i) => {
    const own = cell.answers.find((a) => a[0] === model);
    if (!own || own[1][i] === null) return null;
    return { text: data.texts[own[1][i]], score: own[2][i] };
  };

  const setTask = () => {
    const cells = data.cells.filter((c) => c.task === fields.task.value);
    fill(fields.language, cells.map((c) => [c.language, c.language]));
    setCell();
  };
  const setCell = () => {
    const own = cell();
    const models = own.answers.map((a) => [String(a[0]), data.models[a[0]]]);
    const fresh = fields.a.options.length === 0;
    fill(fields.a, models);
    fill(fields.b, models);
    if (fresh && models.length > 1) {
      fields.a.value = models[models.length - 1][0];
      fields.b.value = models[0][0];
    }
    search();
  };

  const search = () => {
    const own = cell();
    const a = Number(fields.a.value);
    const b = Number(fields.b.value);
    const text = fields.text.value.trim().toLowerCase();
    const show = fields.show.value;
    matches = [];
    own.examples.forEach(([id, prompt, reference], i) => {
      const [x, y] = [answer(own, a, i), answer(own, b, i)];
      if (show !== "all") {
        if (!x || !y) return;
        if (show === "differ" && x.text === y.text) return;
        if (show === "a" && !(x.score > y.score)) return;
        if (show === "b" && !(y.score > x.score)) return;
      }
      if (text) {
        const texts = [id, data.texts[prompt], data.texts[reference]];
        for (const one of own.answers) if (one[1][i] !== null) texts.push(data.texts[one[1][i]]);
        if (!texts.some((t) => t.toLowerCase().includes(text))) return;
      }
      matches.push(i);
    });
    list.replaceChildren();
    shown = 0;
    found.textContent =
      matches.length + " of " + own.examples.length + " examples; scores are " + own.measure + ".";
    more();
  };

  const marked = (node, text) => {
    const wanted = fields.text.value.trim();
    const at = wanted ? text.toLowerCase().indexOf(wanted.toLowerCase()) : -1;
    if (at < 0) {
      node.append(text);
      return;
    }
    const mark = document.createElement("mark");
    mark.textContent = text.slice(at, at + wanted.length);
    node.append(text.slice(0, at), mark, text.slice(at + wanted.length));
  };
  const row = (into, name, text, language, score) => {
    const dt = document.createElement("dt");
    dt.textContent = name;
    if (score !== undefined && score !== null) {
      const span = document.createElement("span");
      span.className = "score";
      span.textContent = "score " + score;
      dt.append(span);
    }
    const dd = document.createElement("dd");
    if (text === "" || text === null) {
      dd.className = "none";
      dd.textContent = text === null ? "no answer" : "(empty)";
    } else {
      dd.lang = language;
      dd.dir = "auto";
      marked(dd, text);
    }
    into.append(dt, dd);
  };
  const item = (own, i) => {
    const [id, prompt, reference] = own.examples[i];
    const li = document.createElement("li");
    const title = document.createElement("h4");
    title.textContent = id;
    const dl = document.createElement("dl");
    row(dl, "prompt", data.texts[prompt], own.language);
    row(dl, "reference", data.texts[reference], own.language);
    const chosen = unique([Number(fields.a.value), Number(fields.b.value)]);
    for (const model of chosen) {
      const one = answer(own, model, i);
      row(dl, data.models[model], one && one.text, own.language, one && one.score);
    }
    li.append(title, dl);
    const rest = own.answers.filter((a) => !chosen.includes(a[0]));
    if (rest.length) {
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = rest.length + " other models";
      details.append(summary);
      // Made when it is opened, so that long lists stay quick.
      details.addEventListener("toggle", () => {
        if (details.childElementCount > 1) return;
        const dl = document.createElement("dl");
        for (const [model] of rest) {
          const one = answer(own, model, i);
          row(dl, data.models[model], one && one.text, own.language, one && one.score);
        }
        details.append(dl);
      });
      li.append(details);
    }
    return li;
  };
  const more = () => {
    const own = cell();
    for (const i of matches.slice(shown, shown + PAGE)) list.append(item(own, i));
    shown = Math.min(shown + PAGE, matches.length);
    next.hidden = shown >= matches.length;
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  fields.task.addEventListener("change", setTask);
  fields.language.addEventListener("change", setCell);
  for (const name of ["a", "b", "show"]) fields[name].addEventListener("change", search);
  fields.text.addEventListener("input", search);
  next.addEventListener("click", more);
  root.hidden = false;
  setTask();
})();
