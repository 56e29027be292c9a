# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Route

PLAN = Plan(
    service='ambiguous',
    routes=(
        Route(name='hyphens', match=Match(path=PathPattern(segments=('hyphens', Parameter(name='tenant', pattern='[a-z0-9-]{1,64}'), Parameter(name='user', pattern='[a-z0-9-]{1,64}')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='tenant'), '-', Bound(source='path', name='user'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='adjacent', match=Match(path=PathPattern(segments=('adjacent', Parameter(name='tenant', pattern='[a-z]+'), Parameter(name='user', pattern='[a-z]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='tenant'), Bound(source='path', name='user'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='lists', match=Match(path=PathPattern(segments=('lists',)), headers=(Condition(name='x-tenant', values=('acme', 'acme-x')),), query=(Condition(name='user', values=('ann', 'x-ann')),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='header', name='x-tenant'), '-', Bound(source='query', name='user'))),), headers=(('content-type', b'text/plain'),))),
        Route(name='every-separator', match=Match(path=PathPattern(segments=('every', Parameter(name='tenant', pattern='[a-z:/.|~-]+'), Parameter(name='user', pattern='[a-z:/.|~-]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='tenant'), ':', Bound(source='path', name='user'))),), headers=(('content-type', b'text/plain'),))),
        Route(name='one-without-hyphens', match=Match(path=PathPattern(segments=('one', Parameter(name='tenant', pattern='[a-z0-9]{1,64}'), Parameter(name='user', pattern='[a-z0-9-]{1,64}')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='tenant'), '-', Bound(source='path', name='user'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='of-one-length', match=Match(path=PathPattern(segments=('length', Parameter(name='tenant', pattern='[a-z]{8}'), Parameter(name='user', pattern='[a-z]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='tenant'), Bound(source='path', name='user'))),), headers=(('content-type', b'text/event-stream'),))),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/hyphens/x/x', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold}, SAMPLES)
