// Buttons that copy the text of an element, and the project switch that needs no button.
"use strict";

const SAID_MS = 1500;

document.documentElement.classList.add("scripted");

async function copy(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    // The clipboard is for pages served by TLS or localhost; elsewhere only the old way works.
    if (navigator.clipboard) {
        await navigator.clipboard.writeText(element.textContent);
    } else if (!document.execCommand("copy")) {
        throw new Error("copying is not allowed here");
    }
    selection.removeAllRanges();
}

document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) {
        return;
    }
    const words = button.textContent;
    try {
        await copy(document.getElementById(button.dataset.copy));
        button.textContent = "Copied";
    } catch {
        // The text is still selected.
        button.textContent = "Press Ctrl-C";
    }
    setTimeout(() => { button.textContent = words; }, SAID_MS);
});

document.addEventListener("change", (event) => {
    if (event.target.id === "project-switch") {
        event.target.form.submit();
    }
});
