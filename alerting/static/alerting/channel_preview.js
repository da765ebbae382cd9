// Shows what a channel would get for a sample message, as its form stands.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const section = document.getElementById("channel_preview");
  const form = document.getElementById("notificationchannel_form");
  if (!section || !form) return;
  // Beside the fields that shape it; without script it would show nothing, so it is rendered elsewhere.
  document.getElementById("id_template")?.closest("fieldset")?.after(section);
  const body = section.querySelector("pre");
  let waiting = 0;
  let asked = 0;

  const show = async () => {
    const turn = ++asked;
    const answer = await fetch(section.dataset.url, { method: "POST", body: new FormData(form) });
    const { body: text, problem } = await answer.json();
    // An answer that comes after a later question's tells of a form that is gone.
    if (turn !== asked) return;
    body.textContent = problem || text;
    body.classList.toggle("badge-bad", Boolean(problem));
  };

  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 300);
  });
  show();
});
