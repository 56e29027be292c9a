// Shows the routes, and the diagnostics of their file.

import { $, el } from "./dom.js";

export function show(service) {
  $("routes-count").textContent = service.routes.filter((route) => route.number).length;
  $("routes-rows").replaceChildren(...service.routes.map((route) => row(route, service)));
  showDiagnostics(service);
}

function row(route, service) {
  const marks = route.diagnostics.map((number) => {
    const { code, severity, message } = service.diagnostics[number] ?? {};
    return el("a", { class: `badge ${severity}`, href: `#diagnostic-${number}`, title: message }, code);
  });
  const order = el("span", { class: "order", "aria-hidden": "true" }, route.number ? `${route.number}. ` : "");
  const name = el("div", {}, order, el("span", { class: "name" }, route.name), el("div", { class: "badges" }, ...marks));
  return el(
    "tr",
    { role: "row", class: route.number ? "" : "generated", "data-route": route.name },
    cell("No.", route.number ?? "", "number first"),
    el("td", { role: "cell", "data-label": "Route" }, name),
    cell("Match", route.match),
    cell("Action", route.action),
    cell("Channels", route.channels),
    cell("Backend", route.backend),
    cell("Line", route.line ?? "", "number"),
  );
}

function cell(label, text, kind = "data") {
  const shown = String(text);
  return el("td", { role: "cell", "data-label": label, class: shown ? kind : `${kind} none` }, el("span", {}, shown));
}

function showDiagnostics({ diagnostics, file, saved }) {
  const worst = ["error", "warning", "note"].find((severity) => diagnostics.some((one) => one.severity === severity));
  $("diagnostics-count").textContent = diagnostics.length || "";
  $("diagnostics-count").className = `count ${worst ?? ""}`;
  $("diagnostics-about").textContent = about(diagnostics, file, saved);
  $("diagnostics-list").replaceChildren(...diagnostics.map((one, number) => diagnostic(one, number, file)));
}

function about(diagnostics, file, saved) {
  if (saved === "wrong") return "The last save has errors. Until they are mended, the edge serves what it served before.";
  if (saved === "not served") return "The component could not be built or started. The edge serves what it served before.";
  if (saved === "build failed") return "The component could not be built. Until the next save, the edge serves the routes interpreted.";
  return diagnostics.length ? `What fanroute check says about ${file}.` : `fanroute check finds nothing to say about ${file}.`;
}

function diagnostic({ code, severity, file: own, line, message, shown }, number, file) {
  const place = line === null ? "" : own === file ? `line ${line}` : `${own}:${line}`;
  const summary = el(
    "summary",
    {},
    el("span", { class: `severity ${severity}` }, [severity, code].filter(Boolean).join(" ")),
    el("span", { class: "place" }, place),
    el("span", { class: "message" }, message),
  );
  const pre = el("pre", { tabindex: "0", "aria-label": `${code || severity} ${place}` }, shown);
  return el("details", { class: "diagnostic", id: `diagnostic-${number}`, open: severity === "error" }, summary, pre);
}

// A link to a diagnostic opens it.
addEventListener("hashchange", () => {
  const target = location.hash.startsWith("#diagnostic-") ? $(location.hash.slice(1)) : null;
  if (target) target.open = true;
});
