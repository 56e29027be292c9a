# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Handoff, Hold, Match, Parameter, PathPattern, Plan, Route

PLAN = Plan(
    service='patterns',
    routes=(
        Route(name='room', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z0-9-]{1,64}'), 'events'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='file', match=Match(path=PathPattern(segments=('files', Parameter(name='folder'), Parameter(name='file', pattern='\\w+\\.(?:txt|md)')), rest=True)), action=Handoff(backend='origin')),
        Route(name='client', match=Match(headers=(Condition(name='x-client', pattern='[0-9]+'), Condition(name='x-tenant', pattern='acme|umbrella')), query=(Condition(name='after', pattern='[0-9]*'), Condition(name='q', pattern='\'; import os #"\\{\\{x\\}\\}'))), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x/events', ()),
    ('GET', 'https://example.com/files/x/a.md/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold}, SAMPLES)
