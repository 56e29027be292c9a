// Four panes, each with a connection that the server makes for this page.

import { ask } from "./api.js";
import { $, clock, el, headerPairs, KINDS } from "./dom.js";

// How many messages a pane keeps.
const KEPT = 500;
const OTHER = "";
let page = null;
let service = null;

class Pane {
  constructor(kind) {
    this.kind = kind;
    this.node = $("pane").content.firstElementChild.cloneNode(true);
    this.node.dataset.kind = kind;
    this.find("h3").textContent = KINDS[kind];
    this.find("h3").id = `pane-${kind}`;
    this.node.setAttribute("aria-labelledby", `pane-${kind}`);
    this.find(".messages").setAttribute("aria-label", `Messages of the ${KINDS[kind]} pane`);
    this.state("not connected", "");
    this.on(".pane-route", "change", () => this.useRoute());
    this.on(".pane-disconnect", "click", () => this.disconnect());
    this.on(".pane-clear", "click", () => this.clear());
    this.on("form", "input", () => this.showLink());
    this.on("form", "submit", () => this.connect());
    this.on(".pane-send", "submit", () => this.send());
  }

  find(selector) {
    return this.node.querySelector(selector);
  }

  on(selector, kind, act) {
    this.find(selector).addEventListener(kind, (event) => {
      if (kind === "submit") event.preventDefault();
      act();
    });
  }

  value(name) {
    return this.find(`.pane-${name}`).value.trim();
  }

  show() {
    const before = this.routes ? this.value("route") : null;
    this.routes = service.routes.filter((route) => route.kind === this.kind);
    const options = this.routes.map(({ name }) => el("option", { value: name }, name));
    this.find(".pane-route").replaceChildren(...options, el("option", { value: OTHER }, "another path"));
    if (before !== null && [OTHER, ...this.routes.map(({ name }) => name)].includes(before)) {
      this.find(".pane-route").value = before;
    } else {
      this.useRoute();
    }
    this.showLink();
  }

  route() {
    return this.routes.find(({ name }) => name === this.value("route"));
  }

  useRoute() {
    const route = this.route();
    this.find(".pane-target").value = route?.target ?? "/";
    this.find(".pane-host").value = route?.host ?? "";
    this.find(".pane-headers").value = (route?.headers ?? []).map(([name, value]) => `${name}: ${value}`).join("\n");
    this.showLink();
  }

  showLink() {
    const link = this.find(".pane-open");
    link.hidden = this.kind === "websocket" || !this.value("target").startsWith("/");
    if (!link.hidden) link.href = service.urls.edge + this.value("target");
  }

  async connect() {
    const origin = this.value("origin");
    this.state("connecting", "");
    this.connected(true);
    try {
      await ask("connect", {
        page,
        pane: this.kind,
        kind: this.kind,
        target: this.value("target"),
        host: this.value("host"),
        headers: [...headerPairs(this.find(".pane-headers").value), ...(origin ? [["Origin", origin]] : [])],
        token: this.value("token"),
        route: this.value("route"),
        protocols: this.route()?.protocols.slice(0, 1) ?? [],
      });
    } catch (error) {
      this.ended(error.message, "bad");
    }
  }

  async disconnect() {
    await ask("disconnect", { page, pane: this.kind }).catch(() => {});
    this.ended("disconnected", "");
  }

  async send() {
    const text = this.find(".pane-text").value;
    try {
      await ask("send", { page, pane: this.kind, text });
      this.add(Date.now() / 1000, "sent", el("span", { class: "text" }, text));
      this.find(".pane-text").value = "";
    } catch (error) {
      this.say(Date.now() / 1000, error.message);
    }
  }

  receive({ type, time, text, status, ...more }) {
    if (type === "waiting") this.state("waiting for an answer", "live");
    if (type === "open") this.state(`connected, ${status}`, status < 400 ? "live" : "bad");
    if (type === "message") this.add(time, "received", el("span", { class: "text" }, text), this.about(status, more));
    if (type === "end") {
      this.say(time, text);
      this.ended(status >= 400 ? `refused, ${status}` : "ended", "bad");
    }
  }

  about(status, { event, id, is_binary: isBinary }) {
    const parts = [
      status ? `status ${status}` : "",
      event && event !== "message" ? `event ${event}` : "",
      id ? `id ${id}` : "",
      isBinary ? "binary, in hexadecimal" : "",
    ];
    const shown = parts.filter(Boolean).join(", ");
    return shown ? el("span", { class: "meta" }, shown) : null;
  }

  add(time, kind, ...content) {
    const list = this.find(".messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
    list.append(el("li", { class: kind }, el("time", {}, clock(time)), ...content));
    while (list.children.length > KEPT) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
    this.find(".pane-clear").hidden = false;
  }

  say(time, text) {
    this.add(time, "", el("span", { class: "text said" }, text));
  }

  clear() {
    this.find(".messages").replaceChildren();
    this.find(".pane-clear").hidden = true;
  }

  state(text, kind) {
    this.find(".messages").dataset.empty = kind === "live" ? "Connected. Publish on a channel of this route to see a message here." : "Press Connect. Messages appear here.";
    this.find(".pane-state").textContent = text;
    this.find(".pane-state").className = `pane-state ${kind}`;
  }

  // Shows one of two buttons. The focus goes to the one that comes.
  connected(isConnected) {
    const focused = document.activeElement;
    const hadFocus = this.node.contains(focused) && focused.matches(isConnected ? ".pane-connect" : ".pane-disconnect, .pane-send *");
    this.find(".pane-connect").hidden = isConnected;
    this.find(".pane-disconnect").hidden = !isConnected;
    this.find(".pane-send").hidden = !isConnected || this.kind !== "websocket";
    if (hadFocus) this.find(isConnected ? ".pane-disconnect" : ".pane-connect").focus();
  }

  ended(text, kind) {
    this.state(text, kind);
    this.connected(false);
  }
}

const panes = new Map(["stream", "sse", "long_poll", "websocket"].map((kind) => [kind, new Pane(kind)]));
$("panes").replaceChildren(...[...panes.values()].map((pane) => pane.node));

export function show(served) {
  service = served;
  for (const pane of panes.values()) pane.show();
}

// A new event stream: the connections of an earlier one have ended.
export function connected(id) {
  if (page !== null) for (const pane of panes.values()) if (!pane.find(".pane-disconnect").hidden) pane.ended("disconnected", "bad");
  page = id;
}

export function receive(report) {
  panes.get(report.pane)?.receive(report);
}
