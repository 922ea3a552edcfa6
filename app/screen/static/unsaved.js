// The editor's text that isn't stored, kept in this browser until a version has it.

const KEPT = "leadscore.model.unsaved";

export const keptText = () => localStorage.getItem(KEPT);
export const keepText = (text) => localStorage.setItem(KEPT, text);
export const dropText = () => localStorage.removeItem(KEPT);

const version = document.querySelector("pre.document");
if (version && version.textContent === keptText()) dropText();
