# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Hold, Match, Parameter, PathPattern, Plan, Respond, Route

PLAN = Plan(
    service='delivery',
    routes=(
        Route(name='filters', match=Match(path=PathPattern(segments=('filters', Parameter(name='user', pattern='[a-z]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), filters=('skip-self',)), Channel(name=(Bound(source='path', name='user'),), filters=('build-id', 'var-subst', 'require-sub'))), headers=(('content-type', b'text/plain'),), meta=(('user', ('u-', Bound(source='path', name='user'))), ('id_format', ('%(a)s',)), ('id_encoding', ('hex',))), body=b'100 %%\n')),
        Route(name='reliable', match=Match(path=PathPattern(segments=('reliable', Parameter(name='room', pattern='[a-z]+'))), query=(Condition(name='after'),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='room'),), prev_id=(Bound(source='query', name='after'),)),), headers=(('content-type', b'text/event-stream'),), link=('/missed/', Bound(source='path', name='room'), '?after=', Bound(source='query', name='after')))),
        Route(name='reliable-poll', match=Match(path=PathPattern(segments=('reliable-poll',)), headers=(Condition(name='x-after'),)), action=Hold(backend='self', mode='response', channels=(Channel(name=('a',), filters=('skip-users',), prev_id=(Bound(source='header', name='x-after'),)),), headers=(('content-type', b'text/plain'),), meta=(('user', ('ann',)),), status=204)),
        Route(name='reliable-stream', match=Match(path=PathPattern(segments=('reliable-stream',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=('0',)), Channel(name=('b',))), headers=(('content-type', b'text/plain'),), link=('/missed/all',))),
        Route(name='id-only', match=Match(path=PathPattern(segments=('id-only',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), filters=('var-subst',)),), headers=(('content-type', b'text/event-stream'),), meta=(('name', ('ann',)),), body=b'id: 7\n\n')),
        Route(name='missed', match=Match(path=PathPattern(segments=('missed',), rest=True)), action=Respond(status=200, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/filters/x', ()),
    ('GET', 'https://example.com/reliable-poll', (('x-after', b'x'),)),
    ('GET', 'https://example.com/missed/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Respond: respond}, SAMPLES)
