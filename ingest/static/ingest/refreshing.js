// Brings the page's numbers up to date. What was opened stays open, and nothing moves while somebody reads in it.
"use strict";

function isReading(place) {
    const selection = window.getSelection();
    const focused = document.activeElement;
    return document.hidden
        || (place.contains(focused) && !focused.matches("summary"))
        || (!selection.isCollapsed && place.contains(selection.anchorNode));
}

function bring(fresh, place) {
    const focused = document.activeElement.closest("details");
    for (const opened of place.querySelectorAll("details[open]")) {
        fresh.querySelector(`#${opened.id}`)?.setAttribute("open", "");
    }
    place.replaceChildren(...fresh.childNodes);
    if (focused && !focused.isConnected) {
        document.querySelector(`#${focused.id} > summary`)?.focus({ preventScroll: true });
    }
}

async function refresh(place) {
    if (isReading(place)) {
        return;
    }
    const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(place.id);
    if (answer.ok && fresh && !isReading(place)) {
        bring(fresh, place);
    }
}

document.addEventListener("DOMContentLoaded", () => {
    const place = document.querySelector("[data-refresh-seconds]");
    if (place) {
        // A server that is away for a moment is no reason to stop asking.
        setInterval(() => refresh(place).catch(() => {}), 1000 * place.dataset.refreshSeconds);
    }
});
