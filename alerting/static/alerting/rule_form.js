// When another rule is chosen: what nobody touched gives way to its defaults, and its line of help is shown.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const watch = document.querySelector("#id_watch[data-hints]");
  if (!watch) return;
  const hints = JSON.parse(watch.dataset.hints);
  const defaults = JSON.parse(watch.dataset.defaults || "{}");
  const names = new Set(Object.values(defaults).flatMap(Object.keys));
  let former = defaults[watch.value] || {};

  // What the former rule didn't ask for was hidden, so that nobody can have touched it.
  const isUntouched = (name, value) =>
    name in former
      ? value === former[name]
      : value === "" || Object.values(defaults).some((texts) => texts[name] === value);

  const offer = (field, text) => {
    if (field.value === text || (text === "" && field.tagName === "SELECT")) return;
    field.value = text;
    // The page keeps its own copy of every field, which only events reach.
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  watch.addEventListener("change", () => {
    document.getElementById("watch_hint").textContent = hints[watch.value];
    const own = defaults[watch.value] || {};
    for (const name of names) {
      const field = document.getElementById(`id_${name}`);
      if (field && isUntouched(name, field.value)) offer(field, own[name] || "");
    }
    former = own;
  });
});
