// Does what Fastly's Fanout starter kit for JavaScript does, and answers /hello.
import { createFanoutHandoff } from "fastly:fanout";

const CHANNEL = "test";
const EVENTS = "application/websocket-events";

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle({ client, request }) {
  const { pathname, protocol } = new URL(request.url);
  if (client.address != null) request.headers.set("X-Forwarded-For", client.address);
  if (protocol === "https:") request.headers.set("X-Forwarded-Proto", "https");
  if (pathname === "/hello") return new Response("hello\n");
  if (!pathname.startsWith("/test/")) return createFanoutHandoff(request, "origin");
  if (!request.headers.has("Grip-Sig")) return createFanoutHandoff(request, "self");
  switch (pathname) {
    case "/test/stream":
      return instruct("text/plain", "stream");
    case "/test/sse":
      return instruct("text/event-stream", "stream");
    case "/test/long-poll":
      return instruct("text/plain", "response");
    case "/test/websocket":
      return webSocket(request);
    default:
      return new Response("No such test endpoint\n", { status: 404 });
  }
}

function instruct(contentType, hold) {
  return new Response(null, {
    headers: { "Content-Type": contentType, "Grip-Hold": hold, "Grip-Channel": CHANNEL },
  });
}

async function webSocket(request) {
  if (request.headers.get("Content-Type") !== EVENTS) {
    return new Response("Not a WebSocket-over-HTTP request.\n", { status: 400 });
  }
  const encoder = new TextEncoder();
  const body = new Uint8Array(await request.arrayBuffer());
  const headers = { "Content-Type": EVENTS };
  const segments = [body];
  const open = encoder.encode("OPEN\r\n");
  if (body.length >= open.length && open.every((byte, index) => body[index] === byte)) {
    headers["Sec-WebSocket-Extensions"] = 'grip; message-prefix=""';
    const subscribe = "c:" + JSON.stringify({ type: "subscribe", channel: CHANNEL });
    segments.push(encoder.encode(`TEXT ${subscribe.length.toString(16)}\r\n${subscribe}\r\n`));
  }
  const answer = new ReadableStream({
    start(controller) {
      segments.forEach((segment) => controller.enqueue(segment));
      controller.close();
    },
  });
  return new Response(answer, { headers });
}
