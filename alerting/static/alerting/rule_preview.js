// Shows beside the form of a rule what it would have done, while the form is being filled in.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("rule_preview");
  const form = document.getElementById("rule_form");
  if (!panel || !form) return;
  const result = panel.querySelector(".rule-preview-result");
  const period = panel.querySelector(".rule-preview-period");
  const PAUSE_MS = 500;
  const BUSY_MS = 1500;
  let timer = 0;
  let asked = 0;
  let request = null;

  const ranges = [...panel.querySelectorAll("[data-range]")];
  const range = () => ranges.find((one) => one.getAttribute("aria-pressed") === "true").dataset.range;

  async function show() {
    const mine = ++asked;
    request?.abort();
    request = new AbortController();
    const body = new FormData(form);
    body.set("preview_range", range());
    result.setAttribute("aria-busy", "true");
    result.classList.remove("is-old");
    try {
      const answer = await fetch(panel.dataset.url, { method: "POST", body, signal: request.signal });
      if (mine !== asked) return;
      if (answer.status === 429) return soon(BUSY_MS);
      result.innerHTML = answer.ok ? await answer.text() : "<p>The preview is not available now.</p>";
    } catch (error) {
      // Offline, or overtaken by a later question: what is shown stays.
      if (mine !== asked) return;
    }
    result.setAttribute("aria-busy", "false");
  }

  function soon(pause = PAUSE_MS) {
    clearTimeout(timer);
    timer = setTimeout(show, pause);
  }

  // A backtest may take seconds: it runs when asked for, not while one is typing.
  function changed() {
    if (range() === "own") result.classList.add("is-old");
    else soon();
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  for (const chosen of ranges) {
    chosen.addEventListener("click", () => {
      for (const one of ranges) one.setAttribute("aria-pressed", String(one === chosen));
      period.hidden = range() !== "own";
      if (period.hidden) show();
    });
  }
  panel.querySelector("[data-run]").addEventListener("click", show);

  result.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-threshold]");
    const field = document.getElementById("id_threshold");
    if (!choice || !field) return;
    field.value = choice.dataset.threshold;
    // The page keeps its own copy of every field, which only events reach.
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    clearTimeout(timer);
    show();
  });

  show();
});
