# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Hold, Match, Parameter, PathPattern, Plan, Respond, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='features',
    routes=(
        Route(name='stream', match=Match(path=PathPattern(segments=('streams', Parameter(name='a', pattern='[a-z]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='a'),)), Channel(name=('all',))), headers=(('content-type', b'application/x-ndjson'), ('cache-control', b'no-store'), ('x-a', b'b; c')), instructions=(('grip-keep-alive', b'\\n; format=cstring; timeout=25'),), body=b'{}\n')),
        Route(name='sse', match=Match(path=PathPattern(segments=('sse',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)), Channel(name=('b',))), headers=(('content-type', b'text/event-stream'), ('x-accel-buffering', b'no')), instructions=(('grip-keep-alive', b':\\n\\n; format=cstring; timeout=120'),), body=b'retry: 3000\nevent: ready\nid: 0\ndata: one\ndata: two\ndata: three\ndata: four\n\n')),
        Route(name='poll', match=Match(path=PathPattern(segments=('poll',))), action=Hold(backend='self', mode='response', channels=(Channel(name=('a',)),), headers=(('content-type', b'application/json'), ('x-a', b'b')), instructions=(('grip-timeout', b'20'),), status=202, body=b'{}\n')),
        Route(name='socket', match=Match(path=PathPattern(segments=('socket',))), action=WebSocket(backend='self', channels=(Channel(name=('a',)), Channel(name=('b',))))),
        Route(name='route-5', match=Match(), action=Respond(status=200, headers=(('content-type', b'text/html'), ('x-b', b'c')), body=b'<p>')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/streams/x', ()),
    ('GET', 'https://example.com/poll', ()),
    ('GET', 'https://example.com/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Respond: respond, WebSocket: converse}, SAMPLES)
