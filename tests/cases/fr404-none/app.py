# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Route

PLAN = Plan(
    service='none',
    routes=(
        Route(name='beyond-ascii', match=Match(path=PathPattern(segments=('beyond', Parameter(name='room', pattern='[à-ÿ]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='list', match=Match(path=PathPattern(segments=('list',)), headers=(Condition(name='x-room', values=('a,b', 'c;d')),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='header', name='x-room'))),), headers=(('content-type', b'text/event-stream'),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/beyond/%C3%A0', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold}, SAMPLES)
