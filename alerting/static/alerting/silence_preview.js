// Shows below the form of a silence what it hides, and below its matchers how they could go on, while they are typed.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".silence-preview");
  const matchers = document.getElementById("id_matchers");
  if (!box || !matchers) return;
  const project = document.getElementById("id_project");
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  const offered = document.createElement("div");
  matchers.after(offered);
  let timer = 0;
  let asked = 0;

  // The line that the caret is in: its first and last place, and its text.
  function line() {
    const start = matchers.value.lastIndexOf("\n", matchers.selectionStart - 1) + 1;
    const next = matchers.value.indexOf("\n", matchers.selectionStart);
    const end = next < 0 ? matchers.value.length : next;
    return { start, end, text: matchers.value.slice(start, end) };
  }

  async function show() {
    const mine = ++asked;
    const body = new URLSearchParams({
      matchers: matchers.value,
      // A matcher that stands whole asks for the next one, not for itself.
      typed: line().text.endsWith('"') ? "" : line().text,
      project: project ? project.value : box.dataset.project,
      csrfmiddlewaretoken: token.value,
    });
    try {
      const answer = await fetch(box.dataset.url, { method: "POST", body, credentials: "same-origin" });
      const text = await answer.text();
      // An answer that was overtaken by a later question says nothing any more.
      if (!answer.ok || mine !== asked) return;
      box.innerHTML = text;
      offered.replaceChildren(...box.querySelectorAll(".silence-suggestions"));
    } catch {
      // Offline: what is shown stays.
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(show, 300);
  }

  // A suggestion takes the place of what is being typed; a matcher that stands there already stays.
  function take(matcher) {
    const { start, end, text } = line();
    if (text.endsWith('"')) {
      matchers.setRangeText(`\n${matcher}`, end, end, "end");
    } else {
      matchers.setRangeText(matcher, start, end, "end");
    }
    matchers.focus();
    show();
  }

  offered.addEventListener("click", (event) => {
    const button = event.target.closest("[data-matcher]");
    if (button) take(button.dataset.matcher);
  });
  matchers.addEventListener("input", soon);
  if (project) project.addEventListener("change", soon);
  matchers.setSelectionRange(matchers.value.length, matchers.value.length);
  show();
});
