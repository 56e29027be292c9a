# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='chat',
    routes=(
        Route(name='room', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room'), Parameter(name='kind')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='kind'), '-of-', Bound(source='path', name='room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='user', match=Match(path=PathPattern(segments=('user',)), headers=(Condition(name='x-tenant', values=('acme', 'umbrella')),), query=(Condition(name='id'),)), action=Hold(backend='self', mode='response', channels=(Channel(name=('tenant-', Bound(source='header', name='x-tenant'), '-user-', Bound(source='query', name='id'))),), headers=(('content-type', b'text/plain'),))),
        Route(name='socket', match=Match(path=PathPattern(segments=('sockets', Parameter(name='room'))), websocket=True), action=WebSocket(backend='self', channels=(Channel(name=(Bound(source='path', name='room'),)),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x/x', ()),
    ('GET', 'https://example.com/user?id=x', (('x-tenant', b'acme'),)),
    ('GET', 'https://example.com/sockets/x', (('upgrade', b'websocket'),)),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, WebSocket: converse}, SAMPLES)
