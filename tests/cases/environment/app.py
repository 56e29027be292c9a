# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Channel, Condition, Handoff, Hold, Match, PathPattern, Plan, Route

PLAN = Plan(
    service='chat-edge',
    routes=(
        Route(name='route-1', match=Match(hosts=('origin.example.net', '*.example.com')), action=Handoff(backend='other')),
        Route(name='route-2', match=Match(hosts=('ws.origin.example.net',), path=PathPattern(segments=('live',)), query=(Condition(name='q', values=('${ORIGIN_HOST}',)),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('live',)),), headers=(('content-type', b'text/plain'),), body=b'${ORIGIN_HOST} is text here\n')),
    ),
)

SAMPLES = (
    ('GET', 'https://origin.example.net/', ()),
    ('GET', 'https://ws.origin.example.net/live?q=%24%7BORIGIN_HOST%7D', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold}, SAMPLES)
