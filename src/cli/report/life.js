
// --- the life of one secret ---------------------------------------------------------------------

const setNames = (nth) => data.sets[nth].map((name) => data.names[name]);

function secretSection(name) {
  const s = secretAt.get(name) ?? -1;
  if (s < 0) return [element("h2", "No such secret"), element("p", ["This report has no secret ", element("code", name), "."])];
  const value = data.values[s];
  const life = data.lives[s].map(([time, event, revision, author, hosts, holders]) =>
    ({ time, event, revision, author: data.names[author], hosts: setNames(hosts), holders: setNames(holders) }));
  return [
    element("h2", [element("span", name, "name"), " ", badges(s)]),
    valueFacts(value),
    ...exposedPart(s),
    element("h2", "Who may read it"), ...readersPart(s),
    element("h2", "Who could read which revision"), ...revisionsPart(life),
    element("h2", "What happened"), ...eventsPart(life),
    ...findingsPart(s),
  ];
}

function valueFacts(value) {
  if (!value) return element("p", "Its ledger cannot be believed; the findings say why.", "lead");
  return facts([
    ["revision", `${value.revision}, since ${day(value.since)}`],
    ["due", value.due ? day(value.due) : "no rule says when"],
    ["ends", value.expires ? `${day(value.expires)}, as the value says of itself` : ""],
    ["owner", (value.owners ?? []).join(", ")],
    ["runbook", value.runbooks ? runbooks(value) : ""],
    ["made by", value.generated ? "a generator" : "a person"],
  ]);
}

function exposedPart(s) {
  const items = known.get(s) ?? [];
  if (items.length === 0) return [];
  const cells = (one) => [as("main", one.by), as("tight", `revision ${one.revision}`), one.reason, as("tight", one.since === null ? "" : day(one.since))];
  return [element("h2", "Who knows it and may not"), ...table(["Who", "Knows", "Why no reader", "Since"], items, cells)];
}

function readersPart(s) {
  if (pairs[s].length === 0) return none("No service of any host.");
  const cells = ([h, g]) => {
    const grant = data.grants[g];
    const rules = [...new Set(grant.services.flatMap(([, used]) => used))].map((r) => data.rules[r]);
    return [as("main", data.hosts[h].name), serviceNames(grant).join(", "), as("tight", grant.until === null ? "" : until(grant.until)),
      rules.map((rule) => element("div", rule.place || rule.text, "quiet"))];
  };
  return table(["Host", "Services", "Until", "Through"], pairs[s], cells);
}

// Everybody who could read a revision at some time, whether they still may or not.
function revisionsPart(life) {
  const revisions = new Map();
  for (const line of life) {
    if (line.event === "removed") continue;
    const one = revisions.get(line.revision) ?? { revision: line.revision, from: line.time, hosts: new Set(), holders: new Set() };
    line.hosts.forEach((name) => one.hosts.add(name));
    line.holders.forEach((name) => one.holders.add(name));
    revisions.set(line.revision, one);
  }
  const items = [...revisions.values()].reverse();
  const cells = ({ revision, from, hosts, holders }) => [
    String(revision), as("day", day(from)), as("main", [...hosts].sort().join(", ") || "no host"), [...holders].sort().join(", "),
  ];
  return table(["Revision", "From", "Hosts with a copy", "People who could open the source"], items, cells);
}

function eventsPart(life) {
  const items = life.map((line, nth) => ({ line, before: life[nth - 1] })).reverse();
  const cells = ({ line, before }) => [
    as("day", line.time.replace("T", " ").replace("Z", "")), as("tight", badge(line.event, KINDS[line.event] ?? "")),
    String(line.revision), line.author, as("main", changes(line, before)),
  ];
  return table(["Time (UTC)", "Event", "Revision", "By", "Readers"], items, cells);
}

const KINDS = { created: "good", rotated: "good", edited: "good", imported: "good", granted: "mark", revoked: "warn", removed: "bad" };

// Who came and who went with a line.
function changes(line, before) {
  const told = (now, then, kind) => {
    const came = now.filter((name) => !then.includes(name));
    const went = then.filter((name) => !now.includes(name));
    return [came.length > 0 ? `+ ${kind}${came.join(", ")}` : "", went.length > 0 ? `− ${kind}${went.join(", ")}` : ""];
  };
  const all = [...told(line.hosts, before?.hosts ?? [], ""), ...told(line.holders, before?.holders ?? [], "source: ")].filter(Boolean);
  return all.map((text) => element("div", text));
}

function findingsPart(s) {
  const items = data.findings.filter((finding) => finding.secret === s);
  return items.length === 0 ? [] : [element("h2", "Findings"), ...findingTable(items, true)];
}
