// Loads what is served, and passes the server's events on to the sections.

import { ask } from "./api.js";
import * as connections from "./connections.js";
import { $ } from "./dom.js";
import * as panes from "./panes.js";
import * as publisher from "./publisher.js";
import * as routes from "./routes.js";
import * as tester from "./tester.js";
import * as traffic from "./traffic.js";

const sections = [routes, tester, publisher, panes, connections];

async function load() {
  const service = await ask("service");
  document.title = `${service.service} · Fanroute console`;
  $("service-name").textContent = service.service;
  $("edge-name").textContent = service.environment === "production" ? `${service.edge} edge` : `${service.edge} edge, ${service.environment}`;
  $("served-by").hidden = !service.interpreted;
  $("served-until").textContent = service.saved === "build failed" ? "because the component could not be built" : "until the component is built";
  $("building").hidden = !service.building;
  $("traffic-about").hidden = service.knows_connections;
  $("edge-url").textContent = service.urls.edge.replace("http://", "");
  $("edge-url").href = service.urls.edge;
  for (const section of sections) section.show(service);
}

function say(text, kind) {
  $("state").textContent = text;
  $("state").className = kind;
}

const events = new EventSource("api/events");
const on = (kind, act) => events.addEventListener(kind, (event) => act(JSON.parse(event.data)));

on("page", (id) => {
  say("live", "live");
  panes.connected(id);
  traffic.restart();
  load();
});
on("service", load);
on("connections", (held) => {
  connections.update(held);
  publisher.update(held);
});
on("pane", panes.receive);
on("traffic", traffic.add);
events.addEventListener("error", () => say("fanroute serve does not answer", "lost"));
