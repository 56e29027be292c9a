# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Handoff, Hold, PathPattern, Plan, Respond, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='fanroute-starter',
    routes=(
        Route(name='test-websocket', hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'websocket'), rest=False), action=WebSocket(backend='self', channel='test', echo=True)),
        Route(name='test-stream', hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'stream'), rest=False), action=Hold(backend='self', headers=(('content-type', b'text/plain'), ('grip-hold', b'stream'), ('grip-channel', b'test')))),
        Route(name='test-sse', hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'sse'), rest=False), action=Hold(backend='self', headers=(('content-type', b'text/event-stream'), ('grip-hold', b'stream'), ('grip-channel', b'test')))),
        Route(name='test-long-poll', hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'long-poll'), rest=False), action=Hold(backend='self', headers=(('content-type', b'text/plain'), ('grip-hold', b'response'), ('grip-channel', b'test')))),
        Route(name='test-other', hosts=('*.edgecompute.app',), path=PathPattern(segments=('test',), rest=True), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'No such test endpoint\n')),
        Route(name='everything-else', hosts=(), path=None, action=Handoff(backend='origin')),
    ),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Respond: respond, WebSocket: converse})
