// The model's editor: takes the place of the textarea, checks 300 ms after typing stops, and keeps unsaved text.

import {
  EditorState, EditorView, HighlightStyle, autocompletion, basicSetup, indentUnit, indentWithTab, keymap, lintGutter,
  setDiagnostics, syntaxHighlighting, tags, yaml,
} from "./vendor/codemirror.min.js";
import { optionsAt } from "./completion.js";
import { dropText, keepText, keptText } from "./unsaved.js";

const CHECK_AFTER_MS = 300;

const form = document.getElementById("write");
const field = document.getElementById("text");
const box = document.getElementById("editor");
const served = field.value;
const isStored = form.dataset.stored !== undefined; // not if the page only gives back what was written

// --- How it looks: the page's colours, inside a shadow root, where styles need no exception from the page's policy ---

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--ink)", fontSize: "12.5px", height: "680px", borderRadius: "12px 12px 0 0" },
  ".cm-content, .cm-gutters": { fontFamily: "var(--mono)", lineHeight: "20px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-3)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-2)", borderRadius: "8px", boxShadow: "0 8px 28px rgb(10 12 20 / .18)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--ink-3)", fontStyle: "normal", marginLeft: "16px" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", color: "var(--ink-2)", border: "1px solid var(--line-2)" },
  ".cm-matchingBracket": { backgroundColor: "var(--good-soft) !important", outline: "0" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--code-str)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-num)" },
  { tag: tags.comment, color: "var(--code-com)" },
  { tag: [tags.labelName, tags.typeName, tags.meta], color: "var(--code-anchor)" },
]);

// --- Completion, from the schema ---

const schema = fetch(form.dataset.schema).then((answer) => (answer.ok ? answer.json() : null));

async function complete(context) {
  const word = context.matchBefore(/[\w-]*/);
  if (!context.explicit && word.from === word.to) return null;
  const found = await schema;
  if (!found) return null;
  const before = context.state.sliceDoc(0, context.pos);
  return { from: word.from, options: optionsAt(found, before, context.state.doc.toString()), validFor: /^[\w-]*$/ };
}

// --- Checking ---

let waiting = 0;
let asked = 0;

async function check() {
  const number = (asked += 1);
  const answer = await fetch(form.dataset.check, {
    method: "POST",
    headers: { "HX-Request": "true" },
    body: new URLSearchParams({ text: field.value }),
  }).catch(() => null);
  if (number !== asked || !answer) return; // a later check is on its way, or the server can't be reached
  if (answer.status === 401) {
    isLeaving = true; // to sign in; the text is kept
    return location.reload();
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const results = page.getElementById("checks") ?? page.body.firstElementChild;
  if (!results) return;
  results.id = "checks";
  document.getElementById("checks").replaceWith(document.adoptNode(results));
  mark();
}

function mark() {
  const diagnostics = [...document.querySelectorAll("#checks [data-at]")].map((item) => {
    const [row, column] = item.dataset.at.split(":").map(Number);
    const line = view.state.doc.line(Math.min(row, view.state.doc.lines));
    const from = Math.min(line.from + column - 1, line.to);
    return { from, to: Math.max(line.to, from), severity: item.dataset.severity, message: item.children[1].textContent };
  });
  view.dispatch(setDiagnostics(view.state, diagnostics));
}

// --- Unsaved text, kept in this browser ---

const status = document.getElementById("kept");

const isUnsaved = () => !isStored || field.value !== served;

function keep() {
  if (isUnsaved()) keepText(field.value);
  else dropText();
  status.textContent = isUnsaved() ? "Kept in this browser." : "";
}

function offer(text) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Restore unsaved changes" });
  button.addEventListener("click", () => {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    view.focus();
  });
  status.replaceChildren(button);
}

let isLeaving = false;

window.addEventListener("beforeunload", (event) => {
  if (isUnsaved() && !isLeaving) event.preventDefault();
});
form.addEventListener("submit", () => {
  isLeaving = true;
});

// --- The editor ---

function onUpdate(update) {
  const head = update.state.selection.main.head;
  const line = update.state.doc.lineAt(head);
  document.getElementById("cursor").textContent = `Line ${line.number}, column ${head - line.from + 1}`;
  if (!update.docChanged) return;
  field.value = update.state.doc.toString();
  keep();
  clearTimeout(waiting);
  waiting = setTimeout(check, CHECK_AFTER_MS);
}

const root = box.attachShadow({ mode: "open" });
const view = new EditorView({
  root,
  parent: root,
  state: EditorState.create({
    doc: served,
    extensions: [
      basicSetup, yaml(), indentUnit.of("  "), keymap.of([indentWithTab]), lintGutter(), theme,
      syntaxHighlighting(colours), autocompletion({ override: [complete] }), EditorView.updateListener.of(onUpdate),
      EditorView.contentAttributes.of({ "aria-label": "The model, in YAML", tabindex: "0" }),
    ],
  }),
});

field.hidden = true;
box.hidden = false;
for (const each of document.querySelectorAll("[data-plain]")) each.hidden = true;
for (const each of document.querySelectorAll("[data-scripted]")) each.hidden = false;

// Enter tries; by itself it would press the form's first button.
document.getElementById("person").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  document.getElementById("try").click();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link) return;
  event.preventDefault();
  const line = view.state.doc.line(Math.min(Number(link.dataset.line), view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
  view.focus();
});

mark();
const kept = keptText();
if (!isStored) keep();
else if (kept !== null && kept !== served) offer(kept);
