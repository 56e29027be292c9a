// Shows the connections that the edge holds, by channel.

import { ask } from "./api.js";
import { $, clock, el, KINDS } from "./dom.js";

export function show(service) {
  if (service.knows_connections) return;
  $("connections-about").textContent =
    "With --edge viceroy, Pushpin holds the connections, and it does not tell the console about them. The embedded edge does.";
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
  $("connections-count").textContent = held.length || "";
  const shown = [...channels.keys()].sort().map((channel) => group(channel, channels.get(channel)));
  $("connections-list").replaceChildren(...(shown.length ? shown : [el("p", { class: "empty" }, "Nobody is subscribed.")]));
  if (focused) $("connections-list").querySelector(`[data-cut="${CSS.escape(focused)}"]`)?.focus();
}

function group(channel, connections) {
  const names = ["Kind", "Route", "Request", "Since", "Last message", ""];
  const head = names.map((name) => el("th", { role: "columnheader", scope: "col" }, name || el("span", { class: "hidden" }, "Close")));
  return el(
    "div",
    { class: "channel", "data-channel": channel },
    el("h3", {}, channel, el("span", { class: "count" }, ` ${connections.length}`)),
    el(
      "table",
      { class: "held", role: "table", "aria-label": `Connections on ${channel}` },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...head)),
      el("tbody", { role: "rowgroup" }, ...connections.map(row)),
    ),
  );
}

function row({ number, kind, route, request, since, last }) {
  const cut = el("button", { type: "button", "data-cut": number, "aria-label": `Close connection ${number}`, click: () => close(number) }, "Close");
  return el(
    "tr",
    { role: "row" },
    cell("Kind", KINDS[kind], "short"),
    cell("Route", route ?? "", ""),
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
