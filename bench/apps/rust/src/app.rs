//! Does what Fastly's Fanout starter kit for Rust does, and answers /hello.

use fastly::http::StatusCode;
use fastly::{Error, Request, Response};

const CHANNEL: &str = "test";
const EVENTS: &str = "application/websocket-events";

/// Returns the answer, or none if the request has been handed off.
pub fn handle(mut request: Request) -> Result<Option<Response>, Error> {
    if let Some(address) = request.get_client_ip_addr() {
        request.set_header("X-Forwarded-For", address.to_string());
    }
    if request.get_url().scheme().eq_ignore_ascii_case("https") {
        request.set_header("X-Forwarded-Proto", "https");
    }
    let path = request.get_path();
    if path == "/hello" {
        return Ok(Some(Response::from_body("hello\n")));
    }
    let backend = if path.starts_with("/test/") { "self" } else { "origin" };
    if backend == "origin" || !request.contains_header("Grip-Sig") {
        request.handoff_fanout(backend)?;
        return Ok(None);
    }
    Ok(Some(match path {
        "/test/stream" => instruct("text/plain", "stream"),
        "/test/sse" => instruct("text/event-stream", "stream"),
        "/test/long-poll" => instruct("text/plain", "response"),
        "/test/websocket" => web_socket(request),
        _ => Response::from_status(StatusCode::NOT_FOUND).with_body("No such test endpoint\n"),
    }))
}

fn instruct(content_type: &str, hold: &str) -> Response {
    Response::new()
        .with_header("Content-Type", content_type)
        .with_header("Grip-Hold", hold)
        .with_header("Grip-Channel", CHANNEL)
}

fn web_socket(mut request: Request) -> Response {
    if request.get_header_str("Content-Type") != Some(EVENTS) {
        return Response::from_status(StatusCode::BAD_REQUEST).with_body("Not a WebSocket-over-HTTP request.\n");
    }
    let mut body = request.take_body_bytes();
    let mut response = Response::new().with_header("Content-Type", EVENTS);
    if body.starts_with(b"OPEN\r\n") {
        response.set_header("Sec-WebSocket-Extensions", "grip; message-prefix=\"\"");
        let subscribe = format!("c:{{\"type\":\"subscribe\",\"channel\":\"{CHANNEL}\"}}");
        body.extend(format!("TEXT {:x}\r\n{subscribe}\r\n", subscribe.len()).into_bytes());
    }
    response.set_body(body);
    response
}
