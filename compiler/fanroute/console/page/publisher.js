// Publishes messages, and shows the curl command that does the same.

import { ask } from "./api.js";
import { $, debounced, el } from "./dom.js";

// The kinds of connections of a channel, as far as the routes' examples and the held connections tell.
let ofRoutes = new Map();
let ofConnections = new Map();

export function show({ routes }) {
  ofRoutes = new Map();
  for (const { kind, examples } of routes) for (const channel of examples) add(ofRoutes, channel, kind);
  offerChannels();
  if (!$("publish-channel").value) {
    $("publish-channel").value = [...ofRoutes.keys()][0] ?? "";
    useKinds();
  }
  prepare();
}

export function update(held) {
  ofConnections = new Map();
  for (const { kind, channels } of held) for (const channel of channels) add(ofConnections, channel, kind);
  offerChannels();
}

function add(map, channel, kind) {
  if (!map.has(channel)) map.set(channel, new Set());
  map.get(channel).add(kind);
}

function offerChannels() {
  const names = new Set([...ofConnections.keys(), ...ofRoutes.keys()]);
  const subscribed = (name) => (ofConnections.has(name) ? "subscribed now" : "of a route");
  $("channels").replaceChildren(...[...names].map((name) => el("option", { value: name, label: subscribed(name) })));
}

function useKinds() {
  const channel = $("publish-channel").value;
  const kinds = new Set([...(ofConnections.get(channel) ?? []), ...(ofRoutes.get(channel) ?? [])]);
  if (kinds.size) for (const box of boxes()) box.checked = kinds.has(box.value);
}

const boxes = () => [...$("publish-kinds").querySelectorAll("input")];

function message() {
  return {
    channel: $("publish-channel").value,
    text: $("publish-text").value,
    kinds: boxes().filter((box) => box.checked).map((box) => box.value),
    is_json: $("publish-json").checked,
    close: $("publish-close").checked,
    event: $("publish-event").value,
    id: $("publish-id").value || null,
    prev_id: $("publish-prev-id").value || null,
  };
}

async function prepare() {
  try {
    $("publish-curl").textContent = (await ask("message", message())).curl;
  } catch (error) {
    $("publish-curl").textContent = "";
    if ($("publish-channel").value) result(explain(error), "bad");
  }
}

async function publish() {
  try {
    const { status, text } = await ask("publish", message());
    result(text, status === 200 ? "good" : "bad");
  } catch (error) {
    result(explain(error), "bad");
  }
}

function explain(error) {
  return error.field === "kinds" ? "Choose at least one kind of connection." : error.message;
}

function result(text, kind) {
  $("publish-result").textContent = text;
  $("publish-result").className = kind;
}

$("publish-channel").addEventListener("input", useKinds);
const prepareSoon = debounced(prepare);
$("publish-form").addEventListener("input", () => {
  result("", "");
  prepareSoon();
});
$("publish-form").addEventListener("submit", (event) => {
  event.preventDefault();
  publish();
});
$("publish-copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("publish-curl").textContent);
  $("publish-copy").textContent = "Copied";
  setTimeout(() => ($("publish-copy").textContent = "Copy"), 1500);
});
