// Publishes messages, and shows the command and the code that do the same.

import { ask } from "./api.js";
import { $, debounced, el } from "./dom.js";

// The channels of the routes' examples, and the kinds of the held connections by channel.
let ofRoutes = new Set();
let ofConnections = new Map();
// What publishes the message elsewhere, by the name of the tool.
let codes = {};

export function show({ routes }) {
  ofRoutes = new Set(routes.flatMap(({ examples }) => examples));
  offerChannels();
  if (!$("publish-channel").value) {
    $("publish-channel").value = [...ofRoutes][0] ?? "";
    useKinds();
  }
  prepare();
}

export function update(held) {
  ofConnections = new Map();
  for (const { kind, channels } of held) for (const channel of channels) {
    ofConnections.set(channel, [...(ofConnections.get(channel) ?? []), ...(kind ? [kind] : [])]);
  }
  offerChannels();
}

function offerChannels() {
  const names = new Set([...ofConnections.keys(), ...ofRoutes]);
  const subscribed = (name) => (ofConnections.has(name) ? "subscribed now" : "of a route");
  $("channels").replaceChildren(...[...names].map((name) => el("option", { value: name, label: subscribed(name) })));
}

// Ticks the kinds of connections that the channel has, if any route or connection has it.
async function useKinds() {
  const channel = $("publish-channel").value;
  const kinds = new Set([...(await ask("kinds", { channel })), ...(ofConnections.get(channel) ?? [])]);
  if (channel !== $("publish-channel").value) return;
  if (kinds.size) for (const box of boxes()) box.checked = kinds.has(box.value);
  busy(false);
  prepare();
}

function busy(isBusy) {
  $("publish-kinds").setAttribute("aria-busy", String(isBusy));
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
    codes = await ask("message", message());
  } catch (error) {
    codes = {};
    if ($("publish-channel").value) result(explain(error), "bad");
  }
  showCode();
}

function showCode() {
  $("publish-code").textContent = codes[$("publish-with").value] ?? "";
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

const useKindsSoon = debounced(useKinds);
$("publish-channel").addEventListener("input", () => {
  busy(true);
  useKindsSoon();
});
const prepareSoon = debounced(prepare);
$("publish-form").addEventListener("input", () => {
  result("", "");
  prepareSoon();
});
$("publish-form").addEventListener("submit", (event) => {
  event.preventDefault();
  publish();
});
$("publish-with").addEventListener("change", showCode);
$("publish-copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("publish-code").textContent);
  $("publish-copy").textContent = "Copied";
  setTimeout(() => ($("publish-copy").textContent = "Copy"), 1500);
});
