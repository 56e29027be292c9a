// Tries a request while it is typed.

import { ask } from "./api.js";
import { $, debounced, el, headerPairs } from "./dom.js";

const FIELDS = { method: "try-method", url: "try-url", headers: "try-headers", client_ip: "try-client-ip", claims: "try-claims" };
let routes = [];
let origin = "";
let running = null;

export function show(service) {
  origin = service.urls.edge;
  routes = service.routes;
  const chosen = $("try-example").value;
  $("try-example").replaceChildren(el("option", { value: "" }, "…"), ...routes.map(({ name }) => el("option", {}, name)));
  $("try-example").value = routes.some(({ name }) => name === chosen) ? chosen : "";
  const first = routes.find(({ number }) => number);
  if (!$("try-url").value && first) useExample(first);
  attempt();
}

function useExample(route) {
  $("try-example").value = route.name;
  $("try-method").value = route.method;
  $("try-url").value = (route.host ? `http://${route.host}` : origin) + route.target;
  const upgrade = route.kind === "websocket" ? [["Upgrade", "websocket"], ["Connection", "Upgrade"]] : [];
  const protocols = route.protocols.length ? [["Sec-WebSocket-Protocol", route.protocols[0]]] : [];
  $("try-headers").value = [...route.headers, ...upgrade, ...protocols].map(([name, value]) => `${name}: ${value}`).join("\n");
  $("try-client-ip").value = route.client_ip ?? "192.0.2.1";
  if (route.needs_token && !$("try-claims").value) $("try-claims").value = "{}";
}

async function attempt() {
  busy(true);
  running?.abort();
  running = new AbortController();
  const claims = $("try-claims").value.trim();
  const body = {
    method: $("try-method").value.trim(),
    url: $("try-url").value.trim(),
    headers: headerPairs($("try-headers").value),
    client_ip: $("try-client-ip").value.trim(),
    claims: claims || null,
    via_fanout: $("try-fanout").checked,
  };
  try {
    const found = await ask("try", body, running.signal);
    problem("", "");
    showResult(found);
  } catch (error) {
    if (error.name === "AbortError") return;
    problem(error.message, error.field);
  }
  busy(false);
}

// What is shown is not yet about what is typed.
function busy(isBusy) {
  $("try-result").setAttribute("aria-busy", String(isBusy));
}

function problem(message, field) {
  $("try-problem").textContent = message;
  for (const [name, id] of Object.entries(FIELDS)) $(id).setAttribute("aria-invalid", String(name === field && message !== ""));
  $("try-result").hidden = message !== "";
}

function showResult(found) {
  $("try-verdict").textContent = found.route ? `The route ${found.route} takes it.` : "No route takes it.";
  const unused = found.token_unused ? "No route that takes this request requires a token, so the claims have no effect." : "";
  const unread = found.key_unread ? "The key of this token is in a store, and the tester reads none. Fill in claims in place of a token." : "";
  $("try-note").textContent = [unused, unread, found.mismatch].filter(Boolean).join(" ");
  $("try-steps").replaceChildren(...found.steps.map(step));
  $("try-passes").className = found.passes.length > 1 ? "passes two" : "passes";
  $("try-passes").replaceChildren(...found.passes.map((lines, number) => pass(lines, number, found.channels)));
}

function step(line) {
  return el("li", { class: line.endsWith(": yes") ? "taken" : "" }, line.trim());
}

function pass(lines, number, channels) {
  const name = number ? "Second pass: what Fanout is told" : "First pass";
  const told = number && channels.length ? `${name}, channel ${channels.join(", ")}` : name;
  const marked = lines.map((line) => el("span", { class: /^\s*grip-/.test(line) ? "grip" : null }, `${line}\n`));
  return el("div", {}, el("h3", {}, told), el("pre", { tabindex: "0", "aria-label": name }, ...marked));
}

const attemptSoon = debounced(attempt);
$("try-form").addEventListener("input", () => {
  running?.abort();
  busy(true);
  attemptSoon();
});
$("try-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt();
});
$("try-example").addEventListener("change", () => {
  const route = routes.find(({ name }) => name === $("try-example").value);
  if (route) useExample(route);
  attempt();
});
