
// --- the table of access, of which only the rows in sight exist ---------------------------------

const ROW = 30;
// Rows drawn above and below what is in sight.
const MARGIN = 12;
// Where a column can be so wide, in pixels, a cell shows the names of services instead of their number.
const WIDE_MIN = 100;
const WIDE_MAX = 260;
const NARROW = 29;

const grid = { shown: null, wide: false, active: null, from: 0, to: 0, drawn: new Map() };

function accessSection() {
  const state = element("select", [option("", "all secrets"), ...Object.entries(STATES).map(([id, [text]]) => option(id, text))]);
  state.id = "state";
  const label = Object.assign(element("label", "Show"), { htmlFor: "state" });
  const legend = element("p", [
    element("span", [element("span", "●", "sample all"), " every service"]),
    element("span", [element("span", "2", "sample"), " so many services"]),
    element("span", [element("span", "2", "sample timed"), " with an end"]),
  ], "legend");
  const count = Object.assign(element("output"), { id: "count" });
  const view = element("div", [
    element("div", [label, state, count, legend], "tools"),
    Object.assign(element("div", [scroller(), Object.assign(element("aside"), { id: "details" })]), { id: "split" }),
  ]);
  view.id = "access";
  view.querySelector("aside").setAttribute("aria-label", "Grant");
  view.querySelector("aside").setAttribute("aria-live", "polite");
  state.addEventListener("change", () => { remember(); drawGrid(); });
  return view;
}

const option = (value, text) => Object.assign(element("option", text), { value });

function scroller() {
  const made = element("table", [element("thead"), element("tbody")]);
  made.id = "grid";
  made.setAttribute("role", "grid");
  made.setAttribute("aria-label", "Secrets by row, hosts by column");
  const scroll = element("div", [made, Object.assign(element("p", undefined, "empty page"), { id: "empty" })]);
  scroll.id = "scroll";
  scroll.tabIndex = -1;
  scroll.addEventListener("scroll", () => requestAnimationFrame(fill), { passive: true });
  scroll.addEventListener("keydown", gridKeys);
  made.addEventListener("focusin", (event) => {
    const place = event.target.dataset.at?.split(" ").map(Number);
    if (place) activate(place[0], place[1]);
  });
  made.addEventListener("click", (event) => event.target.closest("td[data-at]")?.focus());
  return scroll;
}

function drawGrid() {
  grid.shown = filtered(at("state").value);
  const { rows, columns } = grid.shown;
  const nothing = rows.length === 0 || columns.length === 0;
  const scroll = at("scroll");
  const name = nameWidth(rows);
  const room = Math.floor((scroll.clientWidth - name) / Math.max(columns.length, 1));
  grid.wide = room >= WIDE_MIN;
  const width = grid.wide ? Math.min(room, WIDE_MAX) : NARROW;
  const made = at("grid");
  made.className = grid.wide ? "wide" : "narrow";
  made.hidden = nothing;
  at("empty").hidden = !nothing;
  at("empty").textContent = data.secrets.length === 0 ? "There is no secret yet." : "No secret, host, service or tag fits the filter.";
  at("count").textContent = counted(grid.shown);
  made.setAttribute("aria-rowcount", rows.length + 1);
  made.setAttribute("aria-colcount", columns.length + 1);
  made.tHead.replaceChildren(gridHead(columns));
  made.querySelector("colgroup")?.remove();
  const column = (pixels) => { const col = element("col"); col.style.width = `${pixels}px`; return col; };
  made.prepend(element("colgroup", [column(name), ...columns.map(() => column(width))]));
  made.style.width = `${name + columns.length * width}px`;
  grid.drawn.clear();
  if (!rows.includes(grid.active?.s)) grid.active = rows.length === 0 ? null : { s: rows[0], h: -1 };
  if (grid.active && grid.active.h >= 0 && !columns.includes(grid.active.h)) grid.active.h = -1;
  made.tBodies[0].replaceChildren();
  scroll.scrollTop = 0;
  hint();
  fill();
}

// How wide the longest name is, if there is room for it: one letter of this font is as wide as any other.
function nameWidth(rows) {
  const longest = rows.reduce((most, s) => Math.max(most, data.secrets[s].length + badges(s).length * 9), 8);
  const letter = at("ruler").getBoundingClientRect().width / at("ruler").textContent.length;
  const room = at("scroll").clientWidth;
  return Math.min(Math.ceil(longest * letter) + 34, Math.floor(room * (room < 700 ? 0.58 : 0.42)));
}

function gridHead(columns) {
  const corner = Object.assign(element("th", "secret"), { scope: "col" });
  const row = element("tr", corner);
  for (const h of columns) {
    const host = data.hosts[h];
    const active = host.state === "active";
    const cell = element("th", element("span", active ? host.name : `${host.name} (${host.state})`), active ? "" : "inactive");
    cell.scope = "col";
    cell.title = [host.name, host.system, host.state, ...host.tags].filter(Boolean).join(" · ");
    row.append(cell);
  }
  row.ariaRowIndex = "1";
  return row;
}

// Draws the rows in sight and takes the others away.
function fill() {
  const scroll = at("scroll");
  if (!scroll || !grid.shown) return;
  const { rows, columns } = grid.shown;
  const from = Math.max(0, Math.floor(scroll.scrollTop / ROW) - MARGIN);
  const to = Math.min(rows.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + MARGIN);
  const drawn = new Map();
  for (let nth = from; nth < to; nth += 1) drawn.set(nth, grid.drawn.get(nth) ?? gridRow(rows[nth], nth, columns));
  const gap = (count) => {
    const cell = Object.assign(element("td"), { colSpan: columns.length + 1 });
    cell.style.height = `${count * ROW}px`;
    const row = element("tr", cell, "gap");
    row.setAttribute("aria-hidden", "true");
    return row;
  };
  const inside = document.activeElement?.closest?.("#grid tbody tr");
  const kept = inside && [...drawn.values()].includes(inside);
  if (grid.drawn.size !== drawn.size || from !== grid.from || to !== grid.to) {
    const focused = kept ? document.activeElement : null;
    at("grid").tBodies[0].replaceChildren(...(from > 0 ? [gap(from)] : []), ...drawn.values(), ...(to < rows.length ? [gap(rows.length - to)] : []));
    // Taking an element out and putting it back takes the focus from it.
    focused?.focus({ preventScroll: true });
  }
  Object.assign(grid, { from, to, drawn });
  if (inside && !kept) scroll.focus({ preventScroll: true });
  rove();
}

function gridRow(s, nth, columns) {
  const name = link(`#secret/${encodeURIComponent(data.secrets[s])}`, data.secrets[s]);
  name.tabIndex = -1;
  name.dataset.at = `${s} -1`;
  name.title = data.secrets[s];
  const head = Object.assign(element("th", element("div", [name, ...badges(s)])), { scope: "row" });
  const row = element("tr", head);
  row.ariaRowIndex = String(nth + 2);
  const grants = new Map(pairs[s]);
  for (const h of columns) row.append(grants.has(h) ? grantCell(s, h, grants.get(h)) : element("td"));
  return row;
}

function grantCell(s, h, g) {
  const grant = data.grants[g];
  const services = serviceNames(grant);
  const every = everyService(grant);
  const end = grant.until === null ? "" : ` until ${until(grant.until)}`;
  const cell = element("td", element("span", grid.wide ? services.join(", ") + end : every ? "●" : String(services.length)), "grant");
  cell.classList.toggle("all", every);
  cell.classList.toggle("timed", grant.until !== null);
  cell.classList.toggle("other", !grid.shown.hit(s, h, g));
  cell.tabIndex = -1;
  cell.dataset.at = `${s} ${h}`;
  cell.title = services.join(", ");
  cell.setAttribute("aria-label", `${services.join(", ")} on ${data.hosts[h].name} may read ${data.secrets[s]}${end}`);
  return cell;
}

const cellAt = ({ s, h }) => at("grid").querySelector(`[data-at="${s} ${h}"]`);

// One cell is reached with Tab; the arrows lead to the others.
function rove() {
  at("grid").querySelectorAll("[data-at][tabindex='0']").forEach((cell) => { cell.tabIndex = -1; });
  const cell = grid.active && cellAt(grid.active);
  if (cell) cell.tabIndex = 0;
  at("scroll").tabIndex = cell ? -1 : 0;
}

function activate(s, h) {
  grid.active = { s, h };
  at("grid").querySelector(".chosen")?.classList.remove("chosen");
  rove();
  if (h < 0) return hint();
  cellAt(grid.active)?.classList.add("chosen");
  at("details").replaceChildren(...grantDetails(s, h));
  at("details").scrollTop = 0;
}

function hint() {
  at("details").replaceChildren(
    element("h2", "Grants"),
    element("p", "Choose a marked cell to see its services, its end, and the rules behind it; choose a name to see the life of a secret."),
    element("p", ["Move with the ", element("kbd", "arrow"), " keys, open a secret with ", element("kbd", "Enter"), ", filter with ", element("kbd", "/"),
      ". Words must all fit; ", element("code", "host:"), ", ", element("code", "secret:"), ", ", element("code", "service:"), " or ",
      element("code", "tag:"), " before a word says what it is."], "quiet"),
  );
}

// Brings a cell into sight, draws it and gives it the focus.
function go(place) {
  const { rows } = grid.shown;
  const scroll = at("scroll");
  const top = rows.indexOf(place.s) * ROW;
  const head = at("grid").tHead.offsetHeight;
  const room = scroll.clientHeight - head;
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  if (top + ROW > scroll.scrollTop + room) scroll.scrollTop = top + ROW - room;
  fill();
  const cell = cellAt(place);
  if (!cell) return;
  cell.focus({ preventScroll: true });
  const left = at("grid").tHead.rows[0].cells[0].offsetWidth;
  if (place.h < 0) return;
  if (cell.offsetLeft < scroll.scrollLeft + left) scroll.scrollLeft = cell.offsetLeft - left;
  if (cell.offsetLeft + cell.offsetWidth > scroll.scrollLeft + scroll.clientWidth) {
    scroll.scrollLeft = cell.offsetLeft + cell.offsetWidth - scroll.clientWidth;
  }
}

// The marks of a row that the filter shows, the name before them.
function marks(s) {
  const columns = new Set(grid.shown.columns);
  return [-1, ...pairs[s].map(([h]) => h).filter((h) => columns.has(h))];
}

// Where a key leads: to the next mark in the row, or to the closest one in another row.
function target(key, control) {
  const { rows } = grid.shown;
  const { s, h } = grid.active;
  const own = marks(s);
  const nth = rows.indexOf(s);
  const page = Math.max(1, Math.floor((at("scroll").clientHeight - at("grid").tHead.offsetHeight) / ROW) - 1);
  const closest = (to) => {
    const other = marks(rows[to]);
    const best = h < 0 ? -1 : other.slice(1).reduce((a, b) => a < 0 || Math.abs(b - h) < Math.abs(a - h) ? b : a, -1);
    return { s: rows[to], h: best };
  };
  const clamp = (to) => Math.max(0, Math.min(rows.length - 1, to));
  switch (key) {
    case "ArrowLeft": return { s, h: own[Math.max(0, own.indexOf(h) - 1)] };
    case "ArrowRight": return { s, h: own[Math.min(own.length - 1, own.indexOf(h) + 1)] };
    case "ArrowUp": return closest(clamp(nth - 1));
    case "ArrowDown": return closest(clamp(nth + 1));
    case "PageUp": return closest(clamp(nth - page));
    case "PageDown": return closest(clamp(nth + page));
    case "Home": return control ? { s: rows[0], h: -1 } : { s, h: -1 };
    case "End": return control ? { s: rows[rows.length - 1], h: -1 } : { s, h: own[own.length - 1] };
    default: return null;
  }
}

function gridKeys(event) {
  if (!grid.active || event.altKey || event.metaKey) return;
  const to = target(event.key, event.ctrlKey);
  if (to) {
    event.preventDefault();
    go(to);
  } else if (event.key === "Enter" && event.target.matches("td")) {
    location.hash = `#secret/${encodeURIComponent(data.secrets[grid.active.s])}`;
  }
}
