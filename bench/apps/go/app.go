// Does what Fastly's Fanout starter kit for Go does, and answers /hello.
package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/fastly/compute-sdk-go/fsthttp"
)

const (
	channel = "test"
	events  = "application/websocket-events"
)

func handle(_ context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	r.Header.Set("X-Forwarded-For", r.RemoteAddr)
	if r.URL.Scheme == "https" {
		r.Header.Set("X-Forwarded-Proto", "https")
	}
	path := r.URL.Path
	switch {
	case path == "/hello":
		answer(w, fsthttp.StatusOK, "hello\n")
	case !strings.HasSuffix(r.Host, ".edgecompute.app") || !strings.HasPrefix(path, "/test/"):
		handOff(r, "origin")
	case r.Header.Get("Grip-Sig") == "":
		handOff(r, "self")
	default:
		hold(w, r, path)
	}
}

func hold(w fsthttp.ResponseWriter, r *fsthttp.Request, path string) {
	switch path {
	case "/test/stream":
		instruct(w, "text/plain", "stream")
	case "/test/sse":
		instruct(w, "text/event-stream", "stream")
	case "/test/long-poll":
		instruct(w, "text/plain", "response")
	case "/test/websocket":
		webSocket(w, r)
	default:
		answer(w, fsthttp.StatusNotFound, "No such test endpoint\n")
	}
}

func instruct(w fsthttp.ResponseWriter, contentType, hold string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Grip-Hold", hold)
	w.Header().Set("Grip-Channel", channel)
	w.WriteHeader(fsthttp.StatusOK)
}

func webSocket(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	if r.Header.Get("Content-Type") != events {
		answer(w, fsthttp.StatusBadRequest, "Not a WebSocket-over-HTTP request.\n")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, fsthttp.StatusBadRequest, "The body cannot be read.\n")
		return
	}
	w.Header().Set("Content-Type", events)
	if strings.HasPrefix(string(body), "OPEN\r\n") {
		w.Header().Set("Sec-WebSocket-Extensions", `grip; message-prefix=""`)
		subscribe := fmt.Sprintf(`c:{"type":"subscribe","channel":"%s"}`, channel)
		body = fmt.Appendf(body, "TEXT %x\r\n%s\r\n", len(subscribe), subscribe)
	}
	w.WriteHeader(fsthttp.StatusOK)
	w.Write(body)
}

func answer(w fsthttp.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	io.WriteString(w, text)
}
