# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Handoff, Hold, Match, Parameter, PathPattern, Plan, Respond, Route

PLAN = Plan(
    service='order',
    routes=(
        Route(name='room', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='room'),)),), headers=(('content-type', b'text/plain'),))),
        Route(name='rooms', match=Match(path=PathPattern(segments=('rooms',), rest=True)), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='chat', match=Match(hosts=('chat.example.com',), methods=('GET',)), action=Respond(status=405, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='beta', match=Match(headers=(Condition(name='x-beta'),)), action=Handoff(backend='origin')),
        Route(name='debug', match=Match(query=(Condition(name='debug', pattern='[0-9]{4}'),)), action=Handoff(backend='origin')),
        Route(name='post', match=Match(methods=('POST',)), action=Respond(status=405, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='same', match=Match(path=PathPattern(segments=('rooms', Parameter(name='name'))), methods=('GET',), headers=(Condition(name='x-same', values=('é',)),), query=(Condition(name='same', values=('1',)),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='name'),)),), headers=(('content-type', b'text/plain'),))),
        Route(name='rest', match=Match(path=PathPattern(segments=(), rest=True)), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x', ()),
    ('GET', 'https://example.com/rooms/', ()),
    ('GET', 'https://example.com/', (('x-beta', b'x'),)),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Respond: respond}, SAMPLES)
