# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import redirect
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Bound, Condition, Match, Parameter, PathPattern, Plan, Redirect, Route

PLAN = Plan(
    service='redirects',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=('old', Parameter(name='page')))), action=Redirect(status=308, location=('/new/', Bound(source='path', name='page'), '?from=old'))),
        Route(name='route-2', match=Match(query=(Condition(name='next'),)), action=Redirect(status=302, location=('https://www.example.com/', Bound(source='query', name='next')))),
        Route(name='route-3', match=Match(), action=Redirect(status=302, location=('https://www.example.com',))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/old/x', ()),
)

HttpIncoming = http_incoming(PLAN, {Redirect: redirect}, SAMPLES)
