# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Channel, Handoff, Hold, Match, PathPattern, Plan, Respond, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='fanroute-starter',
    routes=(
        Route(name='test-websocket', match=Match(hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'websocket'))), action=WebSocket(backend='self', channels=(Channel(name=('test',)),), echo=True)),
        Route(name='test-stream', match=Match(hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'stream'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('test',)),), headers=(('content-type', b'text/plain'),))),
        Route(name='test-sse', match=Match(hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'sse'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('test',)),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='test-long-poll', match=Match(hosts=('*.edgecompute.app',), path=PathPattern(segments=('test', 'long-poll'))), action=Hold(backend='self', mode='response', channels=(Channel(name=('test',)),), headers=(('content-type', b'text/plain'),))),
        Route(name='test-other', match=Match(hosts=('*.edgecompute.app',), path=PathPattern(segments=('test',), rest=True)), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'No such test endpoint\n')),
        Route(name='everything-else', match=Match(), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://x.edgecompute.app/test/websocket', (('upgrade', b'websocket'),)),
    ('GET', 'https://x.edgecompute.app/test/stream', ()),
    ('GET', 'https://x.edgecompute.app/test/long-poll', ()),
    ('GET', 'https://x.edgecompute.app/test/', ()),
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Respond: respond, WebSocket: converse}, SAMPLES)
