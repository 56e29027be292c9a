# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Route

PLAN = Plan(
    service='refused',
    routes=(
        Route(name='anything', match=Match(path=PathPattern(segments=('anything', Parameter(name='room', pattern='.+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))), Channel(name=('all-', Bound(source='path', name='room')))), headers=(('content-type', b'text/event-stream'),))),
        Route(name='with-spaces', match=Match(path=PathPattern(segments=('spaces',)), query=(Condition(name='room', pattern='[a-z ]+'),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='query', name='room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='with-spaces-within', match=Match(path=PathPattern(segments=('within',)), query=(Condition(name='room', pattern='[a-z ]+'),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('[', Bound(source='query', name='room'), ']')),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='empty', match=Match(path=PathPattern(segments=('empty',)), query=(Condition(name='room', pattern='[a-z]*'),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='query', name='room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='one-of-a-list', match=Match(path=PathPattern(segments=('list',)), headers=(Condition(name='x-room', values=('blue', 'blue,red')),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='header', name='x-room'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='not-in-a-channel', match=Match(path=PathPattern(segments=('not', Parameter(name='room', pattern='.+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room',)),), headers=(('content-type', b'text/event-stream'),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/anything/x', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold}, SAMPLES)
