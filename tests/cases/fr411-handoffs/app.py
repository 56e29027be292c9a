# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Handoff, Match, PathPattern, Plan, Route

PLAN = Plan(
    service='by-default',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=('live',))), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/live', ()),
)

HttpIncoming = http_incoming(PLAN, {}, SAMPLES)
