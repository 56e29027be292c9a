# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Handoff, PathPattern, Plan, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='My_Chat',
    routes=(
        Route(name='route-1', hosts=('a.example.com', '*.b.example.com'), path=PathPattern(segments=('',), rest=False), action=WebSocket(backend='own', channel='x', echo=False)),
        Route(name='route-2', hosts=('c.example.com',), path=None, action=Handoff(backend='origin')),
    ),
)

HttpIncoming = http_incoming(PLAN, {WebSocket: converse})
