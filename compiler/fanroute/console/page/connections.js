// Shows the connections that the edge holds, by channel, and marks those whose route is gone.

import { ask } from "./api.js";
import { $, clock, el, KINDS } from "./dom.js";

const NONE = "No connection is held. To open one, press Connect in a pane above, or use a client of your own.";

export function show(service) {
  if (service.knows_connections) return;
  $("connections-about").textContent =
    "Pushpin holds the connections. It counts them by channel, and a long-poll for about a minute longer. It does not name their routes and requests.";
}

export function update(held) {
  const focused = document.activeElement?.dataset?.cut;
  const channels = new Map();
  for (const connection of held) {
    for (const channel of connection.channels) {
      if (!channels.has(channel)) channels.set(channel, []);
      channels.get(channel).push(connection);
    }
  }
  $("connections-count").textContent = held.reduce((sum, { count = 1 }) => sum + count, 0) || "";
  showOutdated(held.filter(({ outdated }) => outdated).length);
  const shown = [...channels.keys()].sort().map((channel) => group(channel, channels.get(channel)));
  $("connections-list").replaceChildren(...(shown.length ? shown : [el("p", { class: "empty" }, NONE)]));
  if (focused) $("connections-list").querySelector(`[data-cut="${CSS.escape(focused)}"]`)?.focus();
}

// Says that a save has left connections behind.
function showOutdated(count) {
  const hadFocus = $("outdated").contains(document.activeElement);
  $("outdated").hidden = count === 0;
  $("outdated-text").textContent =
    count === 1 ? "1 connection came by a route that has changed or is gone." : `${count} connections came by routes that have changed or are gone.`;
  $("outdated-cut").textContent = count === 1 ? "Close it" : `Close all ${count}`;
  if (hadFocus && count === 0) $("connections-title").focus();
}

function group(channel, connections) {
  const isCounted = "count" in connections[0];
  const names = isCounted ? ["Kind", "Connections", "Last message"] : ["Kind", "Route", "Request", "Since", "Last message", ""];
  const head = names.map((name) => el("th", { role: "columnheader", scope: "col" }, name || el("span", { class: "hidden" }, "Close")));
  return el(
    "div",
    { class: "channel", "data-channel": channel },
    el("h3", {}, channel, el("span", { class: "count" }, ` ${connections.reduce((sum, { count = 1 }) => sum + count, 0)}`)),
    el(
      "table",
      { class: "held", role: "table", "aria-label": `Connections on ${channel}` },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...head)),
      el("tbody", { role: "rowgroup" }, ...connections.map(isCounted ? countedRow : row)),
    ),
  );
}

function countedRow({ kind, count, last }) {
  const message = last ? `${clock(last.at)}, to ${last.receivers}` : "";
  return el("tr", { role: "row" }, cell("Kind", KINDS[kind] ?? "Stream or SSE", "short"), cell("Connections", String(count)), cell("Last message", message));
}

function row({ number, kind, route, outdated, request, since, last }) {
  const cut = el("button", { type: "button", "data-cut": number, "aria-label": `Close connection ${number}`, click: () => close(number) }, "Close");
  return el(
    "tr",
    { role: "row", class: outdated ? "outdated" : "" },
    cell("Kind", KINDS[kind], "short"),
    el("td", { role: "cell", "data-label": "Route" }, el("div", {}, route, outdated ? el("div", { class: "badges" }, el("span", { class: "badge warning" }, outdated)) : null)),
    cell("Request", request),
    cell("Since", clock(since), "short"),
    cell("Last message", last ? `${clock(last.at)} ${last.text}` : ""),
    el("td", { role: "cell", "data-label": "", class: "short" }, cut),
  );
}

function cell(label, text, kind = "data") {
  return el("td", { role: "cell", "data-label": label, class: text ? kind : `${kind} none` }, el("span", {}, text));
}

// The list is updated when the connection has ended.
async function close(number) {
  await ask("cut", { number }).catch(() => {});
}

$("outdated-cut").addEventListener("click", () => ask("cut-outdated").catch(() => {}));
