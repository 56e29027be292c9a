# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import GripSig, Handoff, Match, PathPattern, Plan, Route

PLAN = Plan(
    service='chat-edge',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=('live',), rest=True)), action=Handoff(backend='origin')),
    ),
    grip_sig=GripSig(check='none'),
)

SAMPLES = (
    ('GET', 'https://example.com/live/', ()),
)

HttpIncoming = http_incoming(PLAN, {}, SAMPLES)
