# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='chat-edge',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=('a', Parameter(name='room', pattern='[a-z]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)), Channel(name=('room-', Bound(source='path', name='room'))), Channel(name=('all-', Bound(source='path', name='room')))), headers=(('content-type', b'text/plain'),))),
        Route(name='route-2', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='room', values=('a', 'b')),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='query', name='room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='route-3', match=Match(path=PathPattern(segments=('c',)), headers=(Condition(name='x-room', values=('a', 'b')),)), action=Hold(backend='self', mode='response', channels=(Channel(name=('room-', Bound(source='header', name='x-room'))),), headers=(('content-type', b'text/plain'),))),
        Route(name='route-4', match=Match(path=PathPattern(segments=('d', Parameter(name='room')))), action=WebSocket(backend='self', channels=(Channel(name=('room-', Bound(source='path', name='room'))),))),
        Route(name='route-5', match=Match(path=PathPattern(segments=('e',))), action=WebSocket(backend='self', channels=(Channel(name=('news',)),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/a/x', ()),
    ('GET', 'https://example.com/c', (('x-room', b'a'),)),
    ('GET', 'https://example.com/d/x', (('upgrade', b'websocket'),)),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, WebSocket: converse}, SAMPLES)
