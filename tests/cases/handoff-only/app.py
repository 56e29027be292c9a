# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Handoff, Match, Plan, Route

PLAN = Plan(
    service='plain',
    routes=(
        Route(name='route-1', match=Match(), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {}, SAMPLES)
