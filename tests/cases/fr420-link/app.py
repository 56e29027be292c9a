# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import redirect
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Forward, Handoff, Hold, Match, Parameter, PathPattern, Plan, Redirect, Route, Tunnel

PLAN = Plan(
    service='links',
    routes=(
        Route(name='lost', match=Match(path=PathPattern(segments=('lost', Parameter(name='room'))), query=(Condition(name='after'),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='room'),), prev_id=(Bound(source='query', name='after'),)),), headers=(('content-type', b'text/event-stream'),), link=('/nowhere/', Bound(source='path', name='room'), '?after=', Bound(source='query', name='after')))),
        Route(name='again', match=Match(path=PathPattern(segments=('again', Parameter(name='room')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='path', name='room'),), prev_id=('0',)),), headers=(('content-type', b'text/plain'),), link=('/again/missed/', Bound(source='path', name='room')))),
        Route(name='route-3', match=Match(path=PathPattern(segments=('again',), rest=True), methods=('GET',)), action=Handoff(backend='origin')),
        Route(name='route-4', match=Match(hosts=('chat.example.com',), path=PathPattern(segments=('narrow', Parameter(name='n', pattern='[0-9]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=(Bound(source='path', name='n'),)),), headers=(('content-type', b'text/plain'),), link=('/narrow/', Bound(source='path', name='n'), '/missed'))),
        Route(name='route-5', match=Match(hosts=('chat.example.com',), path=PathPattern(segments=('narrow', Parameter(name='n'), 'missed'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/plain'),))),
        Route(name='route-6', match=Match(path=PathPattern(segments=('waits',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=('0',)),), headers=(('content-type', b'text/event-stream'),), link=('/held',))),
        Route(name='route-7', match=Match(path=PathPattern(segments=('held',))), action=Hold(backend='self', mode='response', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/plain'),))),
        Route(name='route-8', match=Match(path=PathPattern(segments=('elsewhere',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=('0',)),), headers=(('content-type', b'text/event-stream'),), link=('/moved',))),
        Route(name='route-9', match=Match(path=PathPattern(segments=('moved',))), action=Redirect(status=302, location=('/missed',))),
        Route(name='route-10', match=Match(path=PathPattern(segments=('answered', Parameter(name='n', pattern='[0-9]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=(Bound(source='path', name='n'),)),), headers=(('content-type', b'text/event-stream'),), link=('/missed/', Bound(source='path', name='n')))),
        Route(name='route-11', match=Match(hosts=('edge.example.com',), path=PathPattern(segments=('missed', Parameter(name='n', pattern='[0-9]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/event-stream'),), body=b'event: missed\ndata: \n\n')),
        Route(name='route-12', match=Match(path=PathPattern(segments=('tunnelled',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=('0',)),), headers=(('content-type', b'text/event-stream'),), link=('/tunnel',))),
        Route(name='route-13', match=Match(path=PathPattern(segments=('tunnel',))), action=Tunnel(backend='origin')),
        Route(name='route-14', match=Match(path=PathPattern(segments=('forwarded',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',), prev_id=('0',)),), headers=(('content-type', b'text/event-stream'),), link=('/forward',))),
        Route(name='route-15', match=Match(path=PathPattern(segments=('forward',))), action=Forward(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/lost/x?after=x', ()),
    ('GET', 'https://example.com/again/', ()),
    ('GET', 'https://example.com/held', ()),
    ('GET', 'https://example.com/moved', ()),
    ('GET', 'https://example.com/tunnel', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/forward', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Redirect: redirect}, SAMPLES)
