
// --- who may read what --------------------------------------------------------------------------

const serviceNames = (grant) => grant.services.map(([service]) => service === null ? "every service" : data.services[service]);
const everyService = (grant) => grant.services.some(([service]) => service === null);

function finder({ kind, text }) {
  const asks = (of) => kind === undefined || kind === of;
  const services = names.services.map((name) => asks("service") && name.includes(text));
  return {
    secret: names.secrets.map((name) => asks("secret") && name.includes(text)),
    host: names.hosts.map((name, h) => (asks("host") && name.includes(text))
      || (asks("tag") && names.tags[h].some((tag) => tag.includes(text)))),
    grant: data.grants.map((grant) => grant.services.some(([service]) =>
      service === null ? kind === "service" : services[service])),
  };
}

// The rows and columns in which something is found, and whether one cell is.
function filtered(state) {
  const found = words().map(finder);
  const hit = (s, h, g) => found.every((word) => word.secret[s] || word.host[h] || word.grant[g]);
  const holds = STATES[state]?.[1] ?? (() => true);
  const rows = [];
  const columns = new Set();
  data.hosts.forEach((_, h) => found.every((word) => word.host[h]) && columns.add(h));
  pairs.forEach((row, s) => {
    if (!holds(s)) return;
    const hits = row.filter(([h, g]) => hit(s, h, g));
    hits.forEach(([h]) => columns.add(h));
    if (hits.length > 0 || found.every((word) => word.secret[s])) rows.push(s);
  });
  return { rows, columns: [...columns].sort((a, b) => a - b), hit };
}

function counted({ rows, columns }) {
  const part = (some, all, one, many) => some === all ? number(all, one, many) : `${some} of ${number(all, one, many)}`;
  return `${part(rows.length, data.secrets.length, "secret", "secrets")}, ${part(columns.length, data.hosts.length, "host", "hosts")}`;
}

function ruleText(rule) {
  const made = element("div", element("code", rule.text), "rule");
  if (rule.because !== null) made.append(element("p", `because ${rule.because}`));
  if (rule.place) made.append(element("p", rule.place, "quiet"));
  return made;
}

// What is told beside the table about one cell.
function grantDetails(s, h) {
  const g = pairs[s].find(([host]) => host === h)?.[1];
  const host = data.hosts[h];
  const made = [element("h2", secretLink(s))];
  if (g === undefined) return [...made, element("p", `No service of ${host.name} may read it.`)];
  const grant = data.grants[g];
  made.push(facts([
    ["host", host.name],
    ["state", host.state === "active" ? "" : `${host.state}, so it gets no sealed copies`],
    ["system", host.system],
    ["tags", host.tags.join(", ")],
    ["until", grant.until === null ? "no end" : badge(until(grant.until), "warn")],
  ]));
  for (const [service, rules] of grant.services) {
    made.push(element("h3", service === null ? "every service" : data.services[service]), ...rules.map((r) => ruleText(data.rules[r])));
  }
  return made;
}

function hostNames(hosts) {
  const all = hosts.length === data.hosts.length && hosts.length > 2;
  return all ? `all ${hosts.length} hosts` : hosts.map((h) => data.hosts[h].name).join(", ");
}

// Paper is too narrow for a wide table, so it gets a list of what the filter shows; secrets that the same
// services may read stand together.
function accessList() {
  const shown = filtered(at("state")?.value ?? "");
  const alike = new Map();
  for (const s of shown.rows) {
    const groups = new Map();
    for (const [h, g] of pairs[s]) {
      if (shown.hit(s, h, g)) groups.set(g, [...(groups.get(g) ?? []), h]);
    }
    const key = JSON.stringify([...groups]);
    alike.set(key, { groups, secrets: [...(alike.get(key)?.secrets ?? []), data.secrets[s]] });
  }
  const lines = [...alike.values()].flatMap(({ groups, secrets }) => {
    const told = secrets.map((name) => element("div", name));
    if (groups.size === 0) return [[told, "nobody", "", ""]];
    return [...groups].map(([g, hosts], nth) => [nth === 0 ? told : "", hostNames(hosts), serviceNames(data.grants[g]).join(", "),
      as("tight", data.grants[g].until === null ? "" : until(data.grants[g].until))]);
  });
  return element("section", [element("h2", "Access"), element("p", counted(shown), "lead"),
    ...table(["Secrets", "Hosts", "Services", "Until"], lines, (line) => line, true)], "readers");
}
