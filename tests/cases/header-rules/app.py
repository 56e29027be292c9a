# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import redirect
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Channel, Handoff, HeaderRules, Hold, Match, PathPattern, Plan, Redirect, Route

PLAN = Plan(
    service='header-rules',
    routes=(
        Route(name='all', match=Match(path=PathPattern(segments=('all',))), action=Handoff(backend='origin'), request_headers=HeaderRules(set=(('x-edge', b'fanroute'), ('content-type', b'text/plain')), add=(('via', b'1.1 edge'),), remove=('cookie', 'x-debug'))),
        Route(name='empty', match=Match(path=PathPattern(segments=('empty',))), action=Handoff(backend='origin')),
        Route(name='events', match=Match(path=PathPattern(segments=('events',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/event-stream'), ('vary', b'Origin'))), response_headers=HeaderRules(add=(('vary', b'Cookie'),), remove=('x-a',))),
        Route(name='moved', match=Match(path=PathPattern(segments=('moved',))), action=Redirect(status=302, location=('/',)), response_headers=HeaderRules(set=(('cache-control', b''),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/all', ()),
    ('GET', 'https://example.com/events', ()),
    ('GET', 'https://example.com/moved', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Redirect: redirect}, SAMPLES)
