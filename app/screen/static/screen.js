// What needs a script: the reader's time zone, copying, shortcuts, and words after a second of waiting.

// --- Times in the reader's zone; the title keeps UTC ---

const FORMATS = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  "long-day": { day: "numeric", month: "long" },
};

function localise(within) {
  for (const time of within.querySelectorAll("time[data-as]")) {
    const format = FORMATS[time.dataset.as];
    const at = new Date(time.dateTime);
    if (!format) continue;
    const year = time.dataset.as !== "time" && at.getFullYear() !== new Date().getFullYear();
    time.textContent = new Intl.DateTimeFormat("en-GB", year ? { ...format, year: "numeric" } : format).format(at);
    delete time.dataset.as;
  }
}

// --- Copying ---

function announce(text) {
  document.getElementById("announced").textContent = text;
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} copied`);
  } catch {
    announce(`${what} could not be copied`);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copyLink !== undefined) copy(location.href, "Link");
  if (button?.dataset.copyCurl) {
    const url = new URL(button.dataset.copyCurl, location.href).href.replaceAll("'", "%27");
    copy(`curl -H "Authorization: Bearer $READ" '${url}'`, "Command");
  }
});

// --- Menus: a click elsewhere closes them, and so does Escape ---

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu.contains(except)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(null);
});

// --- Keyboard: single keys, none of which fires in a field or beside a modifier ---

const OFF = "leadscore.shortcuts.off";
const shortcuts = document.getElementById("shortcuts");
let first = "";

if (shortcuts) {
  shortcuts.checked = localStorage.getItem(OFF) === null;
  shortcuts.addEventListener("change", () =>
    shortcuts.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"),
  );
}

function move(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.indexOf(document.activeElement);
  rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)]?.focus();
}

function act(key) {
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  if (key === "[" || key === "]") return neighbour(key === "]" ? 1 : -1);
  const why = document.activeElement?.dataset?.why;
  if (key === "w" && why) return location.assign(why);
  const target = document.querySelector(`[data-shortcut="${CSS.escape(key)}"]`);
  const field = key === "/" && document.getElementById("q");
  if (field) field.focus();
  else target?.click();
  return Boolean(field || target);
}

// The editor's field is within a shadow root, of which `event.target` names only the host.
function isTyping(event) {
  return Boolean(event.composedPath()[0].closest?.("input, textarea, select, [contenteditable], dialog[open]"));
}

document.addEventListener("keydown", (event) => {
  if (!shortcuts?.checked || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const key = first ? `${first} ${event.key}` : event.key;
  first = event.key === "g" && !first ? "g" : "";
  if (!first && act(key) !== false) event.preventDefault();
});

// --- Parts that load later ---

document.addEventListener("htmx:after:swap", () => {
  localise(document);
  const fresh = document.querySelector("[data-announce]");
  if (fresh) announce(fresh.dataset.announce);
  fresh?.removeAttribute("data-announce");
});
document.addEventListener("htmx:error", ({ target }) => {
  if (!target.matches?.("[aria-busy]")) return;
  target.removeAttribute("aria-busy");
  target.classList.add("failed");
  announce("The server could not be reached");
});
for (const later of document.querySelectorAll(".later")) setTimeout(() => later.classList.add("slow"), 1000);

localise(document);
if (location.hash === "#q") document.getElementById("q")?.focus();

// --- The list that a lead was opened from, for [ and ] ---

const LIST = "leadscore.list";
const listed = [...document.querySelectorAll("[data-row]")].map((row) => new URL(row.href).pathname);
if (listed.length) sessionStorage.setItem(LIST, JSON.stringify(listed));

function neighbour(step) {
  const paths = JSON.parse(sessionStorage.getItem(LIST) ?? "[]");
  const at = paths.indexOf(location.pathname);
  const path = at < 0 ? undefined : paths[at + step];
  if (path) location.assign(path);
}
