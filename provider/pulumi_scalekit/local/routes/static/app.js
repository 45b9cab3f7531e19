// Shows /_local/state. Values are set as text, never as markup; nothing is loaded from other hosts.
"use strict";

const REFRESH_MS = 2000;
let shown = "";
let state = null;

function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

function badge(text, kind) {
  return element("span", { class: `badge ${kind || ""}` }, text);
}

function icon(connector) {
  const letters = connector.display_name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => word[0]);
  const fallback = element("span", { class: "icon", "aria-hidden": "true" }, letters.join("").toUpperCase());
  if (!connector.icon_src) return fallback;
  const image = element("img", {
    class: "icon", alt: "", src: `/_local/icons/${encodeURIComponent(connector.identifier)}`,
  });
  image.addEventListener("error", () => image.replaceWith(fallback));
  return image;
}

function field(spec) {
  const notes = [spec.input_type || "text"];
  if (spec.required) notes.push("required");
  if (spec.is_path_param) notes.push("path parameter");
  if (spec.header_name) notes.push(`header ${spec.header_name}`);
  return element("li", {},
    element("code", {}, String(spec.field_name)), " ", String(spec.label || ""), " ",
    element("small", {}, notes.join(", ")));
}

function group(title, items, kind) {
  if (!items.length) return null;
  return element("div", { class: "group" },
    element("h4", {}, title), element("ul", { class: kind || "plain" }, ...items));
}

function connection(value) {
  const accounts = value.accounts.map((account) => element("li", {},
    element("span", {}, account.identifier), " ",
    badge(account.status, account.status === "ACTIVE" ? "good" : "warn")));
  return element("li", {},
    element("strong", {}, value.name), " ", element("code", {}, value.id), " ",
    value.enabled ? null : badge("disabled", "warn"),
    value.status === "COMPLETED" ? null : badge(value.status, "warn"),
    accounts.length ? element("ul", { class: "plain" }, ...accounts)
      : element("p", { class: "quiet" }, "No connected accounts."));
}

function authentication(pattern) {
  const config = pattern.oauth_config || {};
  const scopes = (config.available_scopes || []).map((scope) => element("li", {
    class: scope.required ? "badge strong" : "badge", title: String(scope.description || ""),
  }, String(scope.scope)));
  const code = (text) => element("li", {}, element("code", {}, String(text)));
  const oauth = ["authorize_uri", "token_uri", "user_info_uri"].filter((key) => config[key]).map((key) => code(config[key]));
  if (config.pkce_enabled) oauth.push(element("li", {}, "PKCE"));
  const facts = [];
  if (pattern.auth_header_key_override) facts.push(`header ${pattern.auth_header_key_override}`);
  for (const [name, mutation] of Object.entries(pattern.auth_field_mutations || {})) {
    const parts = Object.entries(mutation || {}).map(([part, text]) => `${part} ${JSON.stringify(text)}`);
    facts.push(`${name}: ${parts.join(", ")}`);
  }
  if ((pattern.allowed_proxy_domains || []).length) facts.push(`only ${pattern.allowed_proxy_domains.join(", ")}`);
  return [
    group("Fields", (pattern.fields || []).map(field)),
    group("Account fields", (pattern.account_fields || []).map(field)),
    group("OAuth", oauth),
    group("Scopes", scopes, "chips"),
    group("Injection", facts.map((fact) => element("li", {}, fact))),
  ];
}

function card(connector) {
  const patterns = connector.auth_patterns || [];
  const connections = connector.connections.map(connection);
  return element("article", { class: "card", "data-identifier": connector.identifier },
    element("header", {}, icon(connector),
      element("div", {},
        element("h3", {}, connector.display_name),
        element("code", {}, connector.identifier))),
    element("p", { class: "badges" },
      ...patterns.map((pattern) => badge(String(pattern.type), "accent")),
      connector.is_custom_mcp ? badge("MCP", "accent") : null,
      connector.is_custom ? null : badge("built in"),
      connector.proxy_enabled ? null : badge("proxy off", "warn")),
    connector.description ? element("p", {}, connector.description) : null,
    element("p", { class: "proxy" }, element("code", {}, connector.proxy_url)),
    ...patterns.flatMap(authentication),
    connector.is_custom
      ? group("Connections", connections.length ? connections
        : [element("li", { class: "quiet" }, "None.")])
      : null);
}

function outcome(value) {
  if (value.status !== null) return badge(String(value.status), value.status < 400 ? "good" : "warn");
  return value.duration === null ? badge("in progress") : badge("dropped", "warn");
}

function cell(label, ...children) {
  return element("td", { "data-label": label }, ...children);
}

function opening(value, title, path) {
  const took = value.duration === null ? null
    : element("small", {}, ` ${Math.max(1, Math.round(value.duration * 1000))} ms`);
  return [
    cell("Time", element("time", {}, new Date(value.at * 1000).toLocaleTimeString())),
    cell(title, element("code", {}, `${value.method} ${path}`)),
    cell("Status", outcome(value), took),
  ];
}

function faults(value) {
  return value.faults.map((fault) => element("div", {}, badge(fault, "warn")));
}

function call(value) {
  const injected = value.injected || { headers: {} };
  const headers = Object.entries(injected.headers).map(([name, text]) =>
    element("div", {}, element("code", {}, `${name}: ${text}`)));
  return element("tr", {},
    ...opening(value, "Call", value.path.replace(/^\/proxy(?=[/?]|$)/, "") || "/"),
    cell("Account", injected.connection ? `${injected.identifier} via ${injected.connection}` : ""),
    cell("Upstream",
      injected.url ? element("code", {}, injected.url) : null,
      value.refused ? element("div", { class: "reason" }, value.refused) : null,
      ...faults(value)),
    cell("Injected", ...headers));
}

function request(value) {
  const connector = state.connectors.find((each) => each.identifier === value.connector);
  const concerns = [];
  if (connector) concerns.push(`${connector.display_name} `);
  if (value.connector) concerns.push(element("code", {}, value.connector));
  if (value.connection) concerns.push(element("div", {}, `connection ${value.connection}`));
  return element("tr", {},
    ...opening(value, "Request", value.path),
    cell("Operation", value.operation),
    cell("Concerns", ...concerns),
    cell("Faults", ...faults(value)));
}

function counted(shown, all, noun) {
  const number = shown === all ? String(all) : `${shown} of ${all}`;
  return `${number} ${noun}${all === 1 ? "" : "s"}`;
}

function empty(text) {
  return element("p", { class: "quiet" }, text);
}

// Fills a table, and returns how many of its rows match.
function table(id, rows, all, noun, none) {
  const text = counted(rows.length, all.length, noun);
  document.getElementById(`${id}-count`).textContent = text;
  if (!rows.length) {
    const columns = document.querySelectorAll(`#${id} th`).length;
    const why = all.length ? `No ${noun} matches.` : none;
    rows.push(element("tr", {}, element("td", { colspan: String(columns), class: "quiet" }, why)));
  }
  document.querySelector(`#${id} tbody`).replaceChildren(...rows);
  return text;
}

function render() {
  if (!state) return;
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  // What a person sees is what the filter looks at.
  const matching = (nodes) => nodes.filter((node) => {
    const text = node.textContent.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const cards = matching(state.connectors.map(card));
  const connectors = counted(cards.length, state.connectors.length, "connector");
  const calls = table("calls", matching(state.calls.map(call)), state.calls, "call",
    "No calls through Tool Proxy yet.");
  const requests = table("requests", matching(state.requests.map(request)), state.requests, "request",
    "No management requests yet.");
  document.getElementById("url").textContent = state.url;
  document.getElementById("connectors-count").textContent = connectors;
  document.getElementById("summary").textContent = words.length ? `${connectors}, ${calls}, ${requests}` : "";
  const active = document.getElementById("faults");
  active.textContent = `Faults switched on: ${state.faults.map((fault) => fault.spec).join("  ")}`;
  active.hidden = !state.faults.length;
  if (!cards.length) cards.push(empty("No connector matches."));
  else if (!words.length && !state.connectors.some((connector) => connector.is_custom)) {
    cards.unshift(empty("No connector of your own yet: point a program here and run pulumi up. What follows is built in."));
  }
  document.getElementById("connectors").replaceChildren(...cards);
}

async function refresh() {
  const problem = document.getElementById("problem");
  try {
    const response = await fetch("/_local/state");
    if (!response.ok) throw new Error(`the server returned ${response.status}`);
    const text = await response.text();
    problem.hidden = true;
    if (text !== shown) {
      shown = text;
      state = JSON.parse(text);
      render();
    }
  } catch (error) {
    problem.textContent = `The local Scalekit cannot be reached: ${error.message}`;
    problem.hidden = false;
  }
  setTimeout(refresh, REFRESH_MS);
}

document.getElementById("filter").addEventListener("input", render);
refresh();
