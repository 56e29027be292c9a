# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Hold, PathPattern, Plan, Route

PLAN = Plan(
    service='case',
    routes=(
        Route(name='route-1', hosts=(), path=PathPattern(segments=('events',), rest=False), action=Hold(backend='self', headers=(('content-type', b'text/plain'), ('grip-hold', b'stream'), ('grip-channel', b'a b.c/d:e')))),
    ),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold})
