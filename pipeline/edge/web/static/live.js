// Everything works without this: it only asks for the list again while nobody is busy in it, and keeps what is chosen.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const list = () => document.getElementById("live");
  if (!list()) return;

  const chosen = () => [...list().querySelectorAll("input[name=incident]:checked")].map((box) => box.value);
  const isBusy = () => document.hidden || chosen().length > 0 || document.activeElement?.closest(".bulk");

  // Without script each is chosen by itself; a box for all of them would then be one that does nothing.
  function offerAll() {
    const corner = list().querySelector("thead th");
    if (!corner) return;
    const all = Object.assign(document.createElement("input"), { type: "checkbox", id: "all" });
    all.setAttribute("aria-label", "Choose all on this page");
    all.addEventListener("change", () => {
      for (const box of list().querySelectorAll("input[name=incident]")) box.checked = all.checked;
    });
    corner.replaceChildren(all);
  }

  async function refresh() {
    if (isBusy()) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh || isBusy()) return;
    const focused = list().contains(document.activeElement) ? document.activeElement : null;
    const again = focused && (focused.id ? `#${CSS.escape(focused.id)}` : `input[value="${CSS.escape(focused.value ?? "")}"]`);
    // The line that is read aloud stays the same element, or nothing would be read; and it is touched only by news.
    const said = list().querySelector(".as-of");
    const news = fresh.querySelector(".as-of").textContent;
    if (said.textContent !== news) said.textContent = news;
    fresh.querySelector(".as-of").replaceWith(said);
    list().replaceChildren(...fresh.childNodes);
    offerAll();
    if (again) list().querySelector(again)?.focus({ preventScroll: true });
    document.title = page.title;
    const tabs = page.querySelector(".tabs"), mine = document.querySelector(".tabs");
    if (tabs && mine && !mine.contains(document.activeElement)) mine.replaceWith(tabs);
  }

  offerAll();
  setInterval(() => refresh().catch(() => {}), EVERY_MS);
})();
