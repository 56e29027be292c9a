# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import redirect
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Redirect, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='free',
    routes=(
        Route(name='one', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))), Channel(name=('moderators-of-', Bound(source='path', name='room')))), headers=(('content-type', b'text/event-stream'),))),
        Route(name='several', match=Match(path=PathPattern(segments=('several', Parameter(name='tenant'))), headers=(Condition(name='x-device'),), query=(Condition(name='id'),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)), Channel(name=(Bound(source='path', name='tenant'), '-', Bound(source='query', name='id'), '-', Bound(source='header', name='x-device')))), headers=(('content-type', b'text/plain'),))),
        Route(name='a-list-beside-it', match=Match(path=PathPattern(segments=('of', Parameter(name='user'))), headers=(Condition(name='x-tenant', values=('acme', 'acme-x')),)), action=Hold(backend='self', mode='response', channels=(Channel(name=(Bound(source='header', name='x-tenant'), '-', Bound(source='path', name='user'))),), headers=(('content-type', b'text/plain'),))),
        Route(name='said-how', match=Match(path=PathPattern(segments=('said', Parameter(name='room', pattern='[a-z]+'))), headers=(Condition(name='x-tenant', values=('acme',)),), query=(Condition(name='id', pattern='[0-9]+'),)), action=WebSocket(backend='self', channels=(Channel(name=(Bound(source='header', name='x-tenant'), '-', Bound(source='path', name='room'), '-', Bound(source='query', name='id'))),))),
        Route(name='no-channel', match=Match(path=PathPattern(segments=('elsewhere', Parameter(name='page')))), action=Redirect(status=302, location=('/new/', Bound(source='path', name='page')))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x', ()),
    ('GET', 'https://example.com/of/x', (('x-tenant', b'acme'),)),
    ('GET', 'https://example.com/said/x?id=0', (('upgrade', b'websocket'), ('x-tenant', b'acme'))),
    ('GET', 'https://example.com/elsewhere/x', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Redirect: redirect, WebSocket: converse}, SAMPLES)
