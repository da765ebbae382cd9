// Shows below the form of a silence what it hides, while its matchers are being typed.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".silence-preview");
  const matchers = document.getElementById("id_matchers");
  if (!box || !matchers) return;
  const project = document.getElementById("id_project");
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  let timer = 0;
  let asked = 0;

  async function show() {
    const mine = ++asked;
    const body = new URLSearchParams({
      matchers: matchers.value,
      project: project ? project.value : box.dataset.project,
      csrfmiddlewaretoken: token.value,
    });
    try {
      const answer = await fetch(box.dataset.url, { method: "POST", body, credentials: "same-origin" });
      // An answer that was overtaken by a later question says nothing any more.
      if (answer.ok && mine === asked) box.innerHTML = await answer.text();
    } catch {
      // Offline: what is shown stays.
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(show, 300);
  }

  matchers.addEventListener("input", soon);
  if (project) project.addEventListener("change", soon);
  show();
});
