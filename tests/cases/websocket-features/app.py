# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Bound, Channel, Condition, Match, Parameter, PathPattern, Plan, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='sockets',
    routes=(
        Route(name='everything', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z]+'))), headers=(Condition(name='x-user'),)), action=WebSocket(backend='self', channels=(Channel(name=('all',)), Channel(name=('room-', Bound(source='path', name='room')), filters=('skip-self', 'skip-users'))), echo=True, meta=(('user', (Bound(source='header', name='x-user'),)),), instructions=(b'c:{"type":"keep-alive","message-type":"ping","content":"keep-alive","timeout":25}',), protocols=('chat.v2', 'chat.v1'), max_message=65536, refuse_code=4400)),
        Route(name='idle', match=Match(path=PathPattern(segments=('idle',))), action=WebSocket(backend='self', channels=(Channel(name=('a',)),), instructions=(b'c:{"type":"keep-alive","message-type":"pong","content":"keep-alive","timeout":25}',), protocols=('chat.v1',), idle_close=300, max_message=1000)),
        Route(name='route-3', match=Match(), action=WebSocket(backend='self', channels=(Channel(name=('a',)),), idle_close=20, max_message=199999, refuse_code=1008)),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x', (('upgrade', b'websocket'), ('x-user', b'x'))),
)

HttpIncoming = http_incoming(PLAN, {WebSocket: converse}, SAMPLES)
