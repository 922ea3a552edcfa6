// Refreshes the parts of a page that say so, every ten seconds, and not while the page is hidden.

const EVERY_MS = 10_000;

setInterval(() => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-refresh]")) part.dispatchEvent(new Event("refresh"));
}, EVERY_MS);
