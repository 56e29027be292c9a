// Shows what happens at the edge while it happens.

import { $, clock, el } from "./dom.js";

// How many events are kept.
const KEPT = 400;
let paused = [];
let isPaused = false;

// A new event stream begins with the latest events, also with those that are shown already.
export function restart() {
  paused = [];
  clear();
}

export function add(event) {
  if (event.kind !== "request" && !event.text) return;
  if (isPaused) paused = [...paused, event].slice(-KEPT);
  else append(event);
  $("traffic-pause").textContent = isPaused ? `Continue (${paused.length} more)` : "Pause";
}

function append(event) {
  const list = $("traffic-list");
  const item = event.kind === "request" ? requestItem(event) : otherItem(event);
  filter(item);
  list.prepend(item);
  while (list.children.length > KEPT) list.lastElementChild.remove();
  $("traffic-empty").hidden = true;
}

function requestItem({ time, request, method, host, target, status, milliseconds, route, action, passes, reason, hint }) {
  const which = passes.map(({ number }) => number).join(" + ");
  const facts = [route && `${route}${action ? ` (${action})` : ""}`, which && `pass ${which}`, `${milliseconds} ms`];
  const line = el(
    "summary",
    {},
    el("time", {}, clock(time)),
    el("span", { class: `status s${String(status ?? "-")[0]}` }, String(status ?? "left")),
    el("span", { class: "what" }, el("span", { class: "method" }, method), ` ${target}`, el("span", { class: "meta" }, ` → ${facts.filter(Boolean).join(", ")}`)),
    reason ? el("span", { class: "why" }, hint ? `${reason} (${hint})` : reason) : null,
  );
  const about = el("p", { class: "meta" }, `Request ${request} for ${host}`);
  const detail = el("div", { class: passes.length > 1 ? "passes two" : "passes" }, ...passes.map(pass));
  return el("li", {}, el("details", {}, line, about, detail));
}

function pass({ number, method, url, headers, route, outcome, backend, sent, status, answer, reason, milliseconds }) {
  const title = `${number === 2 ? "Second" : "First"} pass: ${route || "no route"}, ${outcome}${backend ? ` (${backend})` : ""}, ${milliseconds} ms`;
  const lines = [`${method} ${url}\n`, ...headers.map(header)];
  if (sent.length) lines.push(`\nsent to ${backend}\n`, ...sent.map(header));
  if (status !== null) lines.push(`\nanswered ${status}${reason ? `: ${reason}` : ""}\n`, ...answer.map(header));
  return el("div", {}, el("h3", {}, title), el("pre", { tabindex: "0", "aria-label": title }, ...lines));
}

function header([name, value]) {
  return el("span", { class: /^grip-/i.test(name) ? "grip" : null }, `  ${name}: ${value}\n`);
}

function otherItem({ kind, time, request, text, problems }) {
  const number = request === null ? null : el("span", { class: "meta" }, `request ${request} `);
  const line = el("span", { class: "what" }, number, text);
  return el("li", { class: `other ${kind}${problems?.length ? " error" : ""}` }, el("time", {}, clock(time)), el("span", { class: "status" }, ""), line);
}

function clear() {
  $("traffic-list").replaceChildren();
  $("traffic-empty").hidden = false;
}

function filter(item) {
  const wanted = $("traffic-filter").value.trim().toLowerCase();
  item.hidden = wanted !== "" && !item.textContent.toLowerCase().includes(wanted);
}

$("traffic-filter").addEventListener("input", () => [...$("traffic-list").children].forEach(filter));
$("traffic-pause").addEventListener("click", () => {
  isPaused = !isPaused;
  $("traffic-pause").setAttribute("aria-pressed", String(isPaused));
  const waiting = paused;
  paused = [];
  waiting.forEach(append);
  $("traffic-pause").textContent = isPaused ? "Continue" : "Pause";
});
$("traffic-clear").addEventListener("click", clear);
