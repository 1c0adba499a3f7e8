
// --- sections and addresses ---------------------------------------------------------------------

const SECTIONS = {
  overview: ["Overview", overviewSection],
  access: ["Access", null],
  calendar: ["Calendar", calendarSection, () => countOf("overdue")],
  exposure: ["Exposure", exposureSection, () => data.exposures.length],
  rules: ["Rules", rulesSection],
  findings: ["Findings", findingsSection, () => severities.error],
};
let section = "";
let moves = 0;

// What the address names: `#access?q=forge&state=overdue`, or `#secret/NAME`.
function address() {
  const [path, query] = location.hash.slice(1).split("?");
  const [name, rest] = path.split(/\/(.*)/s);
  const exists = name in SECTIONS || name === "secret";
  return { name: exists ? name : "overview", rest: decode(rest ?? ""), query: new URLSearchParams(query ?? "") };
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

// Puts filter and choices into the address, so that it can be shared.
function remember() {
  const query = new URLSearchParams();
  const typed = at("filter").value.trim();
  if (typed !== "") query.set("q", typed);
  for (const id of ["state", "severity"]) if (at(id)?.value) query.set(id, at(id).value);
  if (at("unhit")?.checked) query.set("unhit", "1");
  const text = query.toString();
  history.replaceState(null, "", `#${location.hash.slice(1).split("?")[0] || "overview"}${text === "" ? "" : `?${text}`}`);
}

// Draws the section that is shown once more, for another filter.
function show() {
  const { name, rest } = address();
  if (name === "access") return drawGrid();
  const made = name === "secret" ? secretSection(rest) : SECTIONS[name][1](false);
  at("main").replaceChildren(element("div", made, "page"));
}

function visit() {
  const { name, rest, query } = address();
  const moved = section !== "" && section !== name + rest;
  section = name + rest;
  if (moved) moves += 1;
  at("filter").value = query.get("q") ?? "";
  for (const item of at("sections").querySelectorAll("a")) {
    if (item.hash === `#${name}`) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  document.title = `${name === "secret" ? rest : SECTIONS[name][0]} · Secrets of this fleet`;
  at("main").replaceChildren();
  if (name === "access") {
    at("main").replaceChildren(accessSection());
    at("state").value = query.get("state") ?? "";
  }
  show();
  restore(name, query);
  at("main").scrollTop = 0;
  if (moved) at("main").focus({ preventScroll: true });
}

// Choices exist only once their section is drawn.
function restore(name, query) {
  if (name === "findings" && query.has("severity")) at("severity").value = query.get("severity");
  if (name === "rules" && query.has("unhit")) at("unhit").checked = true;
  if (query.has("severity") || query.has("unhit")) show();
}

let waiting;
function typed() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (address().name === "secret" || address().name === "overview") {
      location.hash = `#access?q=${encodeURIComponent(at("filter").value.trim())}`;
      return;
    }
    remember();
    show();
    at("said").textContent = at("count")?.textContent ?? at("main").querySelector(".lead")?.textContent ?? "";
  }, 80);
}

// --- theme --------------------------------------------------------------------------------------

const THEMES = ["system", "light", "dark"];
function theme(wanted) {
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  at("theme").replaceChildren(`Theme: ${wanted} `, element("kbd", "t"));
  try { localStorage.setItem("theme", wanted); } catch { /* A page from a disk may have no storage; then it forgets. */ }
}
const nextTheme = () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % THEMES.length]);
function storedTheme() {
  try { return THEMES.find((one) => one === localStorage.getItem("theme")) ?? "system"; } catch { return "system"; }
}

// --- keys ---------------------------------------------------------------------------------------

const KEYS = [
  ["/", "write into the filter"],
  [`1 … ${Object.keys(SECTIONS).length}`, "go to a section"],
  ["t", "other theme"],
  ["?", "these keys"],
  ["Esc", "leave the filter, or go back from a secret"],
  ["arrows", "next grant in the table of access"],
  ["Home End", "first and last grant of a row; with Ctrl first and last row"],
  ["Page ↑ ↓", "a screen of rows"],
  ["Enter", "the life of the secret in this row"],
];

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || at("keys").open) return;
  const inField = event.target.matches?.("input, select, textarea");
  if (event.key === "Escape") {
    if (event.target === at("filter")) leaveFilter(event);
    else if (address().name === "secret") back();
    return;
  }
  if (event.target === at("filter") && (event.key === "ArrowDown" || event.key === "Enter")) {
    event.preventDefault();
    if (address().name === "access" && grid.active) go(grid.active);
    return;
  }
  if (inField && event.target.type !== "checkbox") return;
  const name = Object.keys(SECTIONS)[Number(event.key) - 1];
  if (event.key === "/") {
    event.preventDefault();
    at("filter").focus();
    at("filter").select();
  } else if (event.key === "t") nextTheme();
  else if (event.key === "?") at("keys").showModal();
  else if (name) location.hash = `#${name}`;
}

// To where the person came from, if that was on this page.
function back() {
  if (moves > 0) history.back();
  else location.hash = "#access";
}

function leaveFilter(event) {
  event.preventDefault();
  if (at("filter").value !== "") {
    at("filter").value = "";
    typed();
  }
  at("main").focus({ preventScroll: true });
}

// --- paper --------------------------------------------------------------------------------------

// Everything that the filter shows, one section after the other.
function paper() {
  const made = [overviewSection(true), calendarSection(true), exposureSection(true), rulesSection(true), findingsSection(true)]
    .map((content) => element("section", content));
  made.splice(1, 0, accessList());
  const secret = address().name === "secret" ? [element("section", secretSection(address().rest))] : null;
  at("paper").replaceChildren(...(secret ?? made));
}

// --- start --------------------------------------------------------------------------------------

function start() {
  at("when").textContent = `as of ${data.at.slice(0, 16).replace("T", " ")} UTC, by ${data.program}${data.hashed ? ", names hashed" : ""}`;
  at("sections").append(...Object.entries(SECTIONS).map(([id, [title, , count]]) => {
    const bad = count?.() ?? 0;
    return element("li", link(`#${id}`, [title, bad > 0 ? element("span", bad.toLocaleString("en"), "bad") : ""]));
  }));
  for (const [key, text] of KEYS) {
    at("keys").querySelector("dl").append(element("dt", element("kbd", key)), element("dd", text));
  }
  theme(storedTheme());
  at("theme").addEventListener("click", nextTheme);
  at("help").addEventListener("click", () => at("keys").showModal());
  at("skip").addEventListener("click", (event) => { event.preventDefault(); at("main").focus(); });
  at("filter").addEventListener("input", typed);
  document.querySelector("form[role='search']").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", keys);
  addEventListener("hashchange", visit);
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => address().name === "access" && drawGrid(), 150);
  });
  addEventListener("beforeprint", paper);
  addEventListener("afterprint", () => at("paper").replaceChildren());
  visit();
  // Laid out and listening: from here on a person can use it. `scripts/bench report` reads this.
  document.documentElement.dataset.ready = `${at("main").offsetHeight > 0 ? Math.round(performance.now()) : "never"}`;
}
start();
