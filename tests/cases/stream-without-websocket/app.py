# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Channel, Hold, Match, PathPattern, Plan, Route

PLAN = Plan(
    service='case',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=('events',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a b.c/d:e',)),), headers=(('content-type', b'text/plain'),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/events', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold}, SAMPLES)
