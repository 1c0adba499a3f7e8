
// --- the sections that are lists; `paper` asks for all of them at once -----------------------------

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const none = (text) => [element("p", text, "empty")];
const narrowed = (shown, all, one, many) => shown === all ? number(all, one, many) : `${shown.toLocaleString("en")} of ${number(all, one, many)}`;

function overviewSection() {
  const card = (to, count, text, kind) => {
    const made = link(to, [element("strong", count.toLocaleString("en")), element("span", text)], count > 0 ? kind : "");
    return element("li", made);
  };
  const cards = element("ul", [
    card("#access", data.secrets.length, "secrets"),
    card("#access", data.hosts.length, "hosts"),
    card("#access", pairs.reduce((sum, row) => sum + row.length, 0), "grants"),
    card("#rules", data.rules.filter((rule) => rule.effect === "allow" && rule.hits === 0).length, "allows without a hit", "warn"),
    card("#calendar", countOf("overdue"), "overdue", "bad"),
    card("#calendar", countOf("soon"), "due soon", "warn"),
    card("#calendar", countOf("unplanned"), "without rotation"),
    card("#exposure", data.exposures.length, "exposures", "bad"),
    card("#findings", severities.error, "errors", "bad"),
    card("#findings", severities.warning, "warnings", "warn"),
    card("#access?state=weak", countOf("weak"), "weak values", "warn"),
    card("#access?state=unread", countOf("unread"), "secrets without reader"),
  ], "cards");
  cards.setAttribute("aria-label", "Numbers");
  const worst = data.findings.filter((finding) => finding.severity === "error").slice(0, 8);
  const first = worst.length === 0
    ? none("Nothing has to be repaired.")
    : [...findingTable(worst, true), element("p", link("#findings", "All findings"), "more")];
  return [element("h2", "Overview"), cards, element("h2", "To be repaired first"), ...first];
}

// --- calendar -----------------------------------------------------------------------------------

// What falls due, in the order of its days: past, twelve months, later.
function calendar() {
  const start = Number(data.at.slice(0, 4)) * 12 + Number(data.at.slice(5, 7)) - 1;
  const months = Array.from({ length: 13 }, (_, nth) => {
    const month = start + nth;
    const name = MONTHS[month % 12];
    return { name: `${name} ${Math.floor(month / 12)}`, short: `${name.slice(0, 3)} ${String(Math.floor(month / 12)).slice(2)}`, items: [] };
  });
  const overdue = { name: "Overdue", short: "Overdue", items: [], bad: true };
  const later = { name: "Later", short: "Later", items: [] };
  data.values.forEach((value, s) => {
    for (const [what, time] of [["new value due", value?.due], ["value ends", value?.expires]]) {
      if (time === undefined) continue;
      const nth = Number(time.slice(0, 4)) * 12 + Number(time.slice(5, 7)) - 1 - start;
      const bucket = time <= data.at ? overdue : months[nth] ?? later;
      bucket.items.push({ s, what, time, value });
    }
  });
  const buckets = [overdue, ...months, later];
  for (const bucket of buckets) bucket.items.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.s - b.s));
  return buckets;
}

function calendarSection(paper) {
  const buckets = calendar().map((bucket) => ({ ...bucket, all: bucket.items.length, items: bucket.items.filter(calendarFits) }));
  const all = buckets.reduce((sum, bucket) => sum + bucket.items.length, 0);
  const total = buckets.reduce((sum, bucket) => sum + bucket.all, 0);
  const unplanned = countOf("unplanned");
  const lead = `${narrowed(all, total, "date", "dates")}. `
    + (unplanned === 0 ? "Every secret has a rotation." : `No rule says when ${number(unplanned, "secret is", "secrets are")} due.`);
  const opened = buckets.filter((bucket) => bucket.bad || bucket.items.length > 0).slice(0, 2);
  const parts = buckets.filter((bucket) => bucket.items.length > 0).map((bucket) => monthList(bucket, paper, opened.includes(bucket)));
  return [element("h2", "Rotation calendar"), element("p", lead, "lead"), bars(buckets, parts), ...(all === 0 ? none("Nothing is due.") : parts.map((part) => part.made))];
}

const calendarFits = ({ s, value, what }) => fits([data.secrets[s], what, ...(value.owners ?? []), ...pairs[s].map(([h]) => data.hosts[h].name)]);

function bars(buckets, parts) {
  const most = Math.max(1, ...buckets.map((bucket) => bucket.items.length));
  const made = buckets.map((bucket) => {
    const bar = element("i");
    bar.style.height = `${(bucket.items.length / most) * 100}%`;
    const room = element("span", bar, "room");
    const button = element("button", [element("span", String(bucket.items.length)), room, element("span", bucket.short)],
      bucket.items.length === 0 ? "none" : bucket.bad ? "bad" : "");
    button.type = "button";
    button.setAttribute("aria-label", `${bucket.name}: ${bucket.items.length}`);
    button.addEventListener("click", () => {
      const part = parts.find((one) => one.bucket.name === bucket.name);
      if (!part) return;
      part.made.open = true;
      part.made.querySelector("summary").focus({ preventScroll: true });
      part.made.scrollIntoView({ block: "start" });
    });
    return button;
  });
  const chart = element("div", made, "months");
  chart.setAttribute("role", "group");
  chart.setAttribute("aria-label", "Dates by month");
  return chart;
}

function monthList(bucket, paper, opened) {
  const made = element("details", element("summary", [bucket.name, element("span", String(bucket.items.length))]));
  const cells = ({ s, what, time, value }) => [
    as("day", day(time)), as("main", [secretLink(s), " ", badges(s)]), as("tight", what), (value.owners ?? []).join(", "),
    value.generated ? "a generator" : "a person", runbooks(value),
  ];
  const draw = () => made.children.length === 1
    && made.append(...table(["Day", "Secret", "What", "Owner", "Made by", "Runbook"], bucket.items, cells, paper));
  made.open = paper || opened;
  if (made.open) draw();
  made.addEventListener("toggle", draw);
  return { bucket, made };
}

// Only the kinds of address that a person may open by clicking become links.
const runbooks = (value) => (value.runbooks ?? []).map((text) => /^https?:\/\//.test(text)
  ? Object.assign(link(text, text), { rel: "noreferrer" }) : text).flatMap((one, nth) => nth === 0 ? [one] : [", ", one]);

// --- exposure -----------------------------------------------------------------------------------

function exposureSection(paper) {
  const shown = data.exposures.filter((one) => fits([one.secret === null ? "" : data.secrets[one.secret], one.by, one.reason]));
  const groups = new Map();
  for (const one of shown) groups.set(one.by, [...(groups.get(one.by) ?? []), one]);
  const lead = ["Values in use that somebody knows who may not read them any more. They stay errors until each has a new value: ",
    element("code", "secretctl rotate --exposed", "command")];
  const cells = (one) => [
    as("main", one.secret === null ? "" : [secretLink(one.secret)]), as("tight", `revision ${one.revision}`), one.reason,
    as("tight", one.since === null ? "still a reader in the ledger" : day(one.since)),
  ];
  const parts = [...groups].sort((a, b) => b[1].length - a[1].length).map(([by, items], nth) => {
    const made = element("details", element("summary", [by, element("span", number(items.length, "value", "values"))]));
    const draw = () => made.children.length === 1 && made.append(...table(["Secret", "Knows", "Why no reader", "Since"], items, cells, paper));
    made.open = paper || nth < 3;
    if (made.open) draw();
    made.addEventListener("toggle", draw);
    return made;
  });
  return [element("h2", "Exposure"), element("p", lead, "lead"),
    ...(parts.length > 0 ? parts : none(data.exposures.length === 0 ? "Nobody knows a value that they may not read." : "No exposure fits the filter."))];
}

// --- rules --------------------------------------------------------------------------------------

function rulesSection(paper) {
  const only = at("unhit")?.checked ?? false;
  const shown = data.rules.filter((rule) => fits([rule.text, rule.place, rule.because, rule.effect]) && !(only && rule.hits > 0));
  const idle = data.rules.filter((rule) => rule.effect === "allow" && rule.hits === 0).length;
  const box = Object.assign(element("input"), { type: "checkbox", id: "unhit", checked: only });
  box.addEventListener("change", () => { remember(); show(); at("unhit").focus(); });
  const tools = element("p", element("label", [box, " only rules without a hit"]), "tools");
  const lead = `${narrowed(shown.length, data.rules.length, "rule", "rules")}; ${number(idle, "allow gives", "allows give")} nothing. `
    + "A hit is a pair of a secret and a host that an allow gives, a deny keeps apart, or that breaks a never.";
  return [element("h2", "Rules"), element("p", lead, "lead"), ...(paper ? [] : [tools]),
    ...(shown.length === 0 ? none("No rule fits the filter.") : table(["Hits", "Rule", "Until", "Where and why"], shown, ruleCells, paper))];
}

function ruleCells(rule) {
  const most = Math.max(1, ...data.rules.map((one) => one.hits));
  const bar = element("i");
  bar.style.width = `${Math.round((rule.hits / most) * 60)}px`;
  const bad = rule.effect === "never" ? rule.hits > 0 && "bad" : rule.effect === "allow" && rule.hits === 0 && "warn";
  const count = rule.hits.toLocaleString("en");
  const hits = element("div", [bad ? badge(count, bad) : count, bar], "hits");
  const end = rule.until === null ? "" : badge(`${rule.ended ? "ended " : ""}${until(rule.until)}`, "warn");
  const text = data.hashed ? `${rule.effect} ${rule.text}` : rule.text;
  return [hits, as("main", element("code", text)), as("tight", end), [element("span", rule.place, "quiet"), element("p", rule.because ?? "")]];
}

// --- findings -----------------------------------------------------------------------------------

// Without texts, the code and the secret have to do.
function findingTable(items, paper) {
  const severity = (finding) => as("tight", badge(finding.severity, finding.severity));
  if (data.hashed) {
    return table(["", "Code", "Secret"], items, (finding) =>
      [severity(finding), as("main", element("code", finding.code)), finding.secret === null ? "" : secretLink(finding.secret)], paper);
  }
  return table(["", "Finding", "Code", "Where"], items, (finding) => [
    severity(finding),
    as("main", [rich(finding.message), finding.help ? element("p", rich(finding.help), "quiet") : ""]),
    as("tight", element("code", finding.code)), element("span", finding.place, "quiet"),
  ], paper);
}

function findingsSection(paper) {
  const wanted = at("severity")?.value ?? "";
  const shown = data.findings.filter((one) => (wanted === "" || one.severity === wanted)
    && fits([one.code, one.message, one.place, one.secret === null ? "" : data.secrets[one.secret]]))
    .sort((a, b) => Object.keys(severities).indexOf(a.severity) - Object.keys(severities).indexOf(b.severity));
  const choice = element("select", [option("", "all severities"), ...Object.keys(severities).map((one) => option(one, `${one}s`))]);
  Object.assign(choice, { id: "severity", value: wanted });
  choice.addEventListener("change", () => { remember(); show(); at("severity").focus(); });
  const tools = element("p", [Object.assign(element("label", "Show"), { htmlFor: "severity" }), choice], "tools");
  const lead = `${narrowed(shown.length, data.findings.length, "finding", "findings")}: ${number(severities.error, "error", "errors")}, `
    + `${number(severities.warning, "warning", "warnings")}, ${number(severities.note, "note", "notes")} in all.`
    + (data.hashed ? " What they say is left out, since it holds names." : "");
  return [element("h2", "Findings"), element("p", lead, "lead"), ...(paper ? [] : [tools]),
    ...(shown.length === 0 ? none(data.findings.length === 0 ? "Nothing was found." : "No finding fits the filter.") : findingTable(shown, paper))];
}
