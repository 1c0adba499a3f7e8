"use strict";
const data = JSON.parse(document.getElementById("content").textContent);
const at = (id) => document.getElementById(id);

// --- elements -----------------------------------------------------------------------------------

// Every text is set as text, never as markup.
function element(tag, content, className) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined && content !== null) made.append(...[content].flat(2));
  return made;
}
const link = (to, content, className) => Object.assign(element("a", content, className), { href: to });
const badge = (text, kind) => element("span", text, `badge ${kind ?? ""}`);
const number = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const day = (time) => time.slice(0, 10);
const until = (time) => time.replace(/T23:59:59Z$/, "");
const secretAt = new Map(data.secrets.map((name, s) => [name, s]));
const secretLink = (s) => link(`#secret/${encodeURIComponent(data.secrets[s])}`, data.secrets[s], "name");

// A text of the program, in which words between backticks are code, and names of secrets lead to them.
function rich(text) {
  return text.split("`").map((part, nth) => {
    if (nth % 2 === 0) return part;
    return secretAt.has(part) ? secretLink(secretAt.get(part)) : element("code", part);
  });
}

// A list of facts, without those that are not known.
function facts(pairs) {
  const list = element("dl", undefined, "facts");
  for (const [name, value] of pairs) {
    if (value !== undefined && value !== null && value !== "") list.append(element("dt", name), element("dd", value));
  }
  return list;
}

// So many rows are drawn at once; a button shows the next ones. Paper gets all of them.
const STEP = 200;

// A cell with a class.
const as = (className, content) => ({ className, content });

// A table of `items`; `cells` gives the cells of each.
function table(headers, items, cells, paper) {
  const body = element("tbody");
  const cell = (it) => it?.className === undefined || it instanceof Node ? element("td", it) : element("td", it.content, it.className);
  const head = element("tr", headers.map((text) => Object.assign(element("th", text), { scope: "col" })));
  const made = [element("table", [element("thead", head), body], "list")];
  const grow = (count) => {
    const from = body.rows.length;
    body.append(...items.slice(from, from + count).map((item) => element("tr", cells(item).map(cell))));
  };
  grow(paper ? items.length : STEP);
  if (body.rows.length < items.length) {
    const button = element("button");
    const label = () => {
      const left = items.length - body.rows.length;
      button.textContent = `Show ${Math.min(STEP, left)} of ${left.toLocaleString("en")} more`;
      button.hidden = left === 0;
    };
    button.type = "button";
    button.addEventListener("click", () => {
      const first = body.rows.length;
      grow(STEP);
      label();
      body.rows[first]?.querySelector("a")?.focus();
    });
    label();
    made.push(element("p", button, "more"));
  }
  return made;
}

// --- facts that several sections need -----------------------------------------------------------

const low = (texts) => texts.map((text) => text.toLowerCase());
const names = {
  secrets: low(data.secrets),
  hosts: low(data.hosts.map((host) => host.name)),
  tags: data.hosts.map((host) => low(host.tags)),
  services: low(data.services),
};
const pairs = data.cells.map((flat) => {
  const made = [];
  for (let i = 0; i < flat.length; i += 2) made.push([flat[i], flat[i + 1]]);
  return made;
});
const known = new Map();
for (const exposure of data.exposures) {
  if (exposure.secret !== null) known.set(exposure.secret, [...(known.get(exposure.secret) ?? []), exposure]);
}
const ended = (time) => time !== undefined && time <= data.at;
const STATES = {
  overdue: ["overdue", (s) => data.values[s]?.state === "overdue"],
  soon: ["due soon", (s) => data.values[s]?.state === "soon"],
  exposed: ["exposed", (s) => known.has(s)],
  expired: ["expired", (s) => ended(data.values[s]?.expires)],
  weak: ["weak", (s) => data.values[s]?.weak === true],
  unplanned: ["without rotation", (s) => data.values[s]?.state === "unplanned"],
  unread: ["without reader", (s) => pairs[s].length === 0],
};
const BADGES = [["exposed", "bad"], ["overdue", "bad"], ["expired", "bad"], ["soon", "warn"], ["weak", "warn"]];
const badges = (s) => BADGES.filter(([state]) => STATES[state][1](s)).map(([state, kind]) => badge(STATES[state][0], kind));
const countOf = (state) => data.secrets.reduce((count, _, s) => count + (STATES[state][1](s) ? 1 : 0), 0);
const severities = { error: 0, warning: 0, note: 0 };
for (const finding of data.findings) severities[finding.severity] += 1;

// --- the filter ---------------------------------------------------------------------------------

// Words of the filter, each with the kind that may stand before it: `host:forge`.
function words() {
  const typed = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  return typed.map((word) => {
    const [, kind, text] = /^(?:(secret|host|service|tag):)?(.*)$/s.exec(word);
    return { kind, text };
  });
}

// Whether every word stands in one of the texts.
function fits(texts) {
  const text = texts.filter(Boolean).join("\n").toLowerCase();
  return words().every((word) => text.includes(word.text));
}
