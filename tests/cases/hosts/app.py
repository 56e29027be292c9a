# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Channel, Handoff, Match, PathPattern, Plan, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='My_Chat',
    routes=(
        Route(name='route-1', match=Match(hosts=('a.example.com', '*.b.example.com'), path=PathPattern(segments=('',))), action=WebSocket(backend='own', channels=(Channel(name=('x',)),))),
        Route(name='route-2', match=Match(hosts=('c.example.com',)), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://a.example.com/', (('upgrade', b'websocket'),)),
    ('GET', 'https://c.example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {WebSocket: converse}, SAMPLES)
