"use strict";
// The page says all that it says without this script. With it, tables sort and
// filter, plots tell their values, and keys of legends show and hide series.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, fields) => Object.assign(document.createElement(name), fields);

  // Tables.

  const scales = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

  // What a cell sorts by: a number, else its text; null when it says nothing.
  function key(cell) {
    const text = cell.textContent.trim();
    if (text === "" || text === "–") return null;
    const number = /^(?:≥\s*)?([−-]?\d[\d,]*(?:\.\d+)?)\s*(kB|MB|GB|TB)?/.exec(text);
    if (!number) return text;
    return Number(number[1].replace("−", "-").replaceAll(",", "")) * (scales[number[2]] || 1);
  }

  // Numbers come before texts.
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, "en", { numeric: true });
  }

  // Cells that say nothing stay last, whatever the direction.
  function sort(body, rows, column, direction) {
    const keyed = rows.map((row) => ({ row, key: direction ? key(row.cells[column]) : null }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return direction * compare(a.key, b.key);
    });
    body.append(...keyed.map((k) => k.row));
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")];
        heads.forEach((h) => h.setAttribute("aria-sort", h === head ? next : "none"));
        sort(body, rows, column, { none: 0, ascending: 1, descending: -1 }[next]);
      });
    });
  }

  // A row stays when it has all words that are typed.
  function filterable(table, name) {
    const rows = [...table.tBodies[0].rows];
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    const label = make("label", { textContent: "Filter " });
    const count = make("output", { textContent: `${rows.length} of ${rows.length} rows` });
    const line = make("div", { className: "filter" });
    input.setAttribute("aria-label", `Filter ${name}`);
    label.append(input);
    line.append(label, count);
    table.parentElement.before(line);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) left++;
      }
      count.textContent = `${left} of ${rows.length} rows`;
    });
  }

  for (const table of all("table.data")) {
    const rows = table.tBodies[0].rows.length;
    if (rows > 1) sortable(table);
    if (rows > 5) filterable(table, table.parentElement.getAttribute("aria-label"));
  }

  // Plots.

  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true"); // a mark has the same words for its name
  document.body.append(tip);

  let told = null;

  function show(mark) {
    told = mark;
    tip.textContent = mark.dataset.text;
    tip.hidden = false;
    const at = mark.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const left = at.left + at.width / 2 - box.width / 2;
    const above = at.top - box.height - 6;
    tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - box.width - 4))}px`;
    tip.style.top = `${above < 4 ? at.bottom + 6 : above}px`;
  }

  function hide() {
    told = null;
    tip.hidden = true;
  }

  // The pointer may leave one mark when the keyboard has come to another.
  const leave = (mark) => { if (told === mark) hide(); };
  addEventListener("scroll", () => { if (told) show(told); }, { passive: true, capture: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // Of the marks of a plot one is in the order of the Tab key; arrows lead to
  // the others.
  function telling(svg) {
    const marks = all(".m", svg);
    const shown = () => marks.filter((mark) => !mark.classList.contains("off"));
    const stop = (chosen) => marks.forEach((mark) => mark.setAttribute("tabindex", mark === chosen ? "0" : "-1"));
    for (const mark of marks) {
      const title = mark.querySelector("title");
      mark.dataset.text = title.textContent;
      mark.setAttribute("aria-label", title.textContent.replaceAll("\n", ", "));
      if (mark.localName !== "a") mark.setAttribute("role", "img");
      title.remove();
      mark.addEventListener("pointerenter", () => show(mark));
      mark.addEventListener("pointerleave", () => leave(mark));
      mark.addEventListener("focus", () => { stop(mark); show(mark); });
      mark.addEventListener("blur", () => leave(mark));
    }
    svg.addEventListener("keydown", (event) => {
      const list = shown();
      const at = list.indexOf(document.activeElement);
      const step = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[event.key];
      if (at < 0 || step === undefined) return;
      event.preventDefault();
      list[Math.max(0, Math.min(step, list.length - 1))].focus();
    });
    stop(marks[0]);
    return () => stop(shown()[0]);
  }

  function toggling(svg, settle) {
    for (const entry of all(".k", svg)) {
      entry.setAttribute("role", "button");
      entry.setAttribute("tabindex", "0");
      entry.setAttribute("aria-pressed", "true");
      entry.setAttribute("aria-label", `Show ${entry.dataset.name}`);
      const toggle = () => {
        const on = entry.getAttribute("aria-pressed") === "false";
        entry.setAttribute("aria-pressed", String(on));
        const parts = all(`[data-s="${entry.dataset.k}"], [data-k="${entry.dataset.k}"]`, svg);
        parts.forEach((part) => part.classList.toggle("off", !on));
        settle();
      };
      entry.addEventListener("click", toggle);
      entry.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      });
    }
  }

  for (const svg of all(".plot svg")) toggling(svg, telling(svg));

  // Links to a curve open what it is in.

  function follow() {
    const place = document.getElementById(location.hash.slice(1));
    const details = place && place.closest("details");
    if (!details) return;
    details.open = true;
    place.focus({ preventScroll: true });
    details.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  follow();
})();
