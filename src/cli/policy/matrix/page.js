"use strict";
const data = JSON.parse(document.getElementById("content").textContent);
const at = (id) => document.getElementById(id);
// Where a column can be so wide, in pixels, a cell shows the names of services instead of their number.
const WIDE_MIN = 110;
const WIDE_MAX = 260;
const NARROW = 29;
// So many rows are drawn at once; the others follow while the page can be used already.
const FIRST_ROWS = 120;
const MORE_ROWS = 60;

// Every text is set as text, never as markup.
function element(tag, content, className) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.append(...[content].flat());
  return made;
}
const number = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const day = (until) => until.replace(/T23:59:59Z$/, "");
const serviceNames = (grant) => grant.services.map(([service]) => service === null ? "every service" : data.services[service]);
const everyService = (grant) => grant.services.some(([service]) => service === null);

const low = {
  secrets: data.secrets.map((name) => name.toLowerCase()),
  hosts: data.hosts.map((host) => host.name.toLowerCase()),
  tags: data.hosts.map((host) => host.tags.map((tag) => tag.toLowerCase())),
  services: data.services.map((name) => name.toLowerCase()),
};
const cells = data.cells.map((flat) => {
  const pairs = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
  return pairs;
});

// --- filter -------------------------------------------------------------------------------------

// What one word of the filter finds: `forge`, or with its kind `host:forge`.
function finder(word) {
  const [, kind, text] = /^(?:(secret|host|service|tag):)?(.*)$/s.exec(word);
  const asks = (of) => kind === undefined || kind === of;
  const services = low.services.map((name) => asks("service") && name.includes(text));
  return {
    secret: low.secrets.map((name) => asks("secret") && name.includes(text)),
    host: low.hosts.map((name, h) => (asks("host") && name.includes(text))
      || (asks("tag") && low.tags[h].some((tag) => tag.includes(text)))),
    grant: data.grants.map((grant) => grant.services.some(([service]) =>
      service === null ? kind === "service" : services[service])),
  };
}

// The rows and columns in which something is found, and whether one cell is.
function filtered(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).map(finder);
  const found = (s, h, g) => words.every((word) => word.secret[s] || word.host[h] || word.grant[g]);
  const rows = [];
  const columns = new Set();
  data.hosts.forEach((_, h) => words.every((word) => word.host[h]) && columns.add(h));
  cells.forEach((row, s) => {
    const hits = row.filter(([h, g]) => found(s, h, g));
    hits.forEach(([h]) => columns.add(h));
    if (hits.length > 0 || words.every((word) => word.secret[s])) rows.push(s);
  });
  return { rows, columns: [...columns].sort((a, b) => a - b), found };
}

// --- grid ---------------------------------------------------------------------------------------

let shown = filtered("");
let wide = false;
let drawing = 0;

function draw() {
  drawing += 1;
  shown = filtered(at("filter").value);
  const { rows, columns } = shown;
  const nothing = rows.length === 0 || columns.length === 0;
  const grid = at("grid");
  const name = nameWidth(rows);
  const room = Math.floor((at("scroll").clientWidth - name) / columns.length);
  wide = room >= WIDE_MIN;
  const width = wide ? Math.min(room, WIDE_MAX) : NARROW;
  grid.className = wide ? "wide" : "narrow";
  grid.hidden = nothing;
  at("empty").hidden = !nothing;
  at("empty").textContent = data.secrets.length === 0
    ? "There is no secret in this table."
    : "No secret, host, service or tag fits the filter.";
  at("count").textContent = [
    [rows.length, data.secrets.length, "secret", "secrets"],
    [columns.length, data.hosts.length, "host", "hosts"],
  ].map(([part, all, one, many]) => part === all ? number(all, one, many) : `${part} of ${number(all, one, many)}`).join(", ");
  grid.tHead.replaceChildren(head(columns));
  grid.querySelector("colgroup")?.remove();
  grid.prepend(element("colgroup", [column(name), ...columns.map(() => column(width))]));
  grid.style.width = `${name + columns.length * width}px`;
  grid.tBodies[0].replaceChildren();
  more(drawing, 0, FIRST_ROWS);
}

function column(width) {
  const made = element("col");
  made.style.width = `${width}px`;
  return made;
}

// How wide the longest name is: one letter of this font is as wide as any other.
function nameWidth(rows) {
  const longest = rows.reduce((most, s) => Math.max(most, data.secrets[s].length), 8);
  const letters = at("ruler").getBoundingClientRect().width / at("ruler").textContent.length;
  return Math.ceil(longest * letters) + 34;
}

function head(columns) {
  const corner = element("th", "secret");
  corner.scope = "col";
  const row = element("tr", corner);
  for (const h of columns) {
    const host = data.hosts[h];
    const name = host.state === "active" ? host.name : `${host.name} (${host.state})`;
    const cell = element("th", element("span", name), host.state === "active" ? "" : "inactive");
    cell.scope = "col";
    cell.title = [host.name, host.system, host.state, ...host.tags].filter(Boolean).join(" · ");
    row.append(cell);
  }
  return row;
}

function more(turn, from, count) {
  if (turn !== drawing) return;
  const { rows, columns } = shown;
  const made = rows.slice(from, from + count).map((s) => bodyRow(s, columns));
  at("grid").tBodies[0].append(...made);
  if (from === 0) at("grid").querySelector("td.grant")?.setAttribute("tabindex", "0");
  if (from + count < rows.length) setTimeout(more, 0, turn, from + count, MORE_ROWS);
}

function bodyRow(s, columns) {
  const name = element("th", data.secrets[s]);
  name.scope = "row";
  const row = element("tr", name, cells[s].length === 0 ? "none" : "");
  if (cells[s].length === 0) name.title = "nobody may read it";
  const grants = new Map(cells[s]);
  for (const h of columns) row.append(grants.has(h) ? grantCell(s, h, grants.get(h)) : element("td"));
  return row;
}

function grantCell(s, h, g) {
  const grant = data.grants[g];
  const names = serviceNames(grant);
  const every = everyService(grant);
  const content = wide
    ? [...names.map((name) => element("span", name, "chip")),
      ...(grant.until === null ? [] : [element("span", `until ${day(grant.until)}`, "chip until")])]
    : element("span", every ? "●" : String(names.length));
  const cell = element("td", content, "grant");
  cell.classList.toggle("all", every);
  cell.classList.toggle("timed", grant.until !== null);
  cell.classList.toggle("other", !shown.found(s, h, g));
  cell.tabIndex = -1;
  cell.title = names.join(", ");
  const until = grant.until === null ? "" : ` until ${day(grant.until)}`;
  cell.setAttribute("aria-label", `${names.join(", ")} on ${data.hosts[h].name} may read ${data.secrets[s]}${until}`);
  cell.dataset.at = `${s} ${h} ${g}`;
  return cell;
}

// --- details ------------------------------------------------------------------------------------

function hint() {
  at("details").replaceChildren(
    element("h2", "Grants"),
    element("p", "Choose a marked cell to see its services, its end, and the rules behind it."),
    element("p", ["Move with the ", element("kbd", "arrow"), " keys, filter with ", element("kbd", "/"), ". ",
      "Words must all fit; ", element("code", "host:"), ", ", element("code", "secret:"), ", ", element("code", "service:"),
      " or ", element("code", "tag:"), " before a word says what it is."], "quiet"),
  );
}

function tell(cell) {
  at("grid").querySelector("td.chosen")?.classList.remove("chosen");
  at("grid").querySelector("td[tabindex='0']")?.setAttribute("tabindex", "-1");
  cell.classList.add("chosen");
  cell.tabIndex = 0;
  const [s, h, g] = cell.dataset.at.split(" ").map(Number);
  const host = data.hosts[h];
  const grant = data.grants[g];
  const facts = element("dl", [element("dt", "host"), element("dd", host.name)]);
  if (host.state !== "active") facts.append(element("dt", "state"), element("dd", `${host.state}, so it gets no sealed copies`));
  if (host.system) facts.append(element("dt", "system"), element("dd", host.system));
  if (host.tags.length > 0) facts.append(element("dt", "tags"), element("dd", host.tags.join(", ")));
  facts.append(element("dt", "until"), element("dd", grant.until === null ? "no end" : day(grant.until), grant.until === null ? "" : "ends"));
  const services = grant.services.flatMap(([service, rules]) => [
    element("h3", service === null ? "every service" : data.services[service]),
    ...rules.map((r) => ruleText(data.rules[r])),
  ]);
  at("details").replaceChildren(element("h2", data.secrets[s]), facts, ...services);
  at("details").scrollTop = 0;
}

function ruleText(rule) {
  const text = element("div", element("code", rule.text), "rule");
  if (rule.because !== null) text.append(element("p", `because ${rule.because}`));
  text.append(element("p", rule.place, "quiet"));
  return text;
}

// --- keys ---------------------------------------------------------------------------------------

// The next marked cell in a direction; rows and columns without one are passed over.
function next(cell, key) {
  const right = key === "ArrowRight" || key === "ArrowDown";
  if (key === "ArrowLeft" || key === "ArrowRight") {
    let other = cell;
    do other = right ? other.nextElementSibling : other.previousElementSibling;
    while (other && !other.classList.contains("grant"));
    return other;
  }
  let row = cell.parentElement;
  do row = right ? row.nextElementSibling : row.previousElementSibling;
  while (row && !row.cells[cell.cellIndex].classList.contains("grant"));
  return row ? row.cells[cell.cellIndex] : nearest(cell, right);
}

// Where the column has no further mark, the closest one in the next row that has any.
function nearest(cell, down) {
  let row = cell.parentElement;
  do row = down ? row.nextElementSibling : row.previousElementSibling;
  while (row && !row.querySelector("td.grant"));
  if (!row) return null;
  const far = (other) => Math.abs(other.cellIndex - cell.cellIndex);
  return [...row.querySelectorAll("td.grant")].reduce((best, other) => far(other) < far(best) ? other : best);
}

function keys(event) {
  const cell = event.target.closest?.("td.grant");
  if (event.key === "/" && event.target !== at("filter")) {
    event.preventDefault();
    at("filter").focus();
    at("filter").select();
  } else if (event.key === "Escape" && cell) {
    cell.classList.remove("chosen");
    hint();
    at("filter").focus();
  } else if (cell && event.key.startsWith("Arrow") && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const to = next(cell, event.key);
    to?.focus({ preventScroll: true });
    to?.scrollIntoView({ block: "nearest", inline: "nearest" });
  } else if (event.target === at("filter") && (event.key === "ArrowDown" || event.key === "Enter")) {
    event.preventDefault();
    at("grid").querySelector("td[tabindex='0']")?.focus();
  }
}

// --- print --------------------------------------------------------------------------------------

// Paper is too narrow for a wide grid, so it gets a list of the rows that the filter shows.
function list() {
  const body = element("tbody");
  for (const s of shown.rows) {
    const groups = new Map();
    for (const [h, g] of cells[s]) {
      if (shown.found(s, h, g)) groups.set(g, [...(groups.get(g) ?? []), data.hosts[h].name]);
    }
    let name = data.secrets[s];
    for (const [g, hosts] of groups) {
      const grant = data.grants[g];
      const names = hosts.length === data.hosts.length && hosts.length > 2 ? `all ${hosts.length} hosts` : hosts.join(", ");
      body.append(element("tr", [name, names, serviceNames(grant).join(", "), grant.until === null ? "" : day(grant.until)]
        .map((text) => element("td", text))));
      name = "";
    }
    if (groups.size === 0) body.append(element("tr", [element("td", name), element("td", "nobody", "quiet"), element("td"), element("td")]));
  }
  const header = element("tr", ["Secret", "Hosts", "Services", "Until"].map((text) => element("th", text)));
  at("list").replaceChildren(element("table", [element("thead", header), body]));
}

// --- start --------------------------------------------------------------------------------------

function fromAddress() {
  at("filter").value = new URLSearchParams(location.hash.slice(1)).get("q") ?? "";
  draw();
  hint();
}

let waiting;
function typed() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const query = at("filter").value.trim();
    history.replaceState(null, "", query === "" ? location.pathname + location.search : `#q=${encodeURIComponent(query)}`);
    draw();
    hint();
  }, 80);
}

at("legend").append(
  element("span", "●", "sample all"), "every service",
  element("span", "2", "sample"), "so many services",
  element("span", "2", "sample timed"), "with an end",
);
at("when").textContent = `as of ${data.now}`;
at("filter").addEventListener("input", typed);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
at("grid").addEventListener("focusin", (event) => event.target.matches("td.grant") && tell(event.target));
document.addEventListener("keydown", keys);
let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(draw, 150);
});
addEventListener("hashchange", fromAddress);
addEventListener("beforeprint", list);
addEventListener("afterprint", () => at("list").replaceChildren());
fromAddress();
