# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Bound, Channel, Condition, Cors, Handoff, Hold, Match, Parameter, PathPattern, Plan, Preflight, Respond, Route

PLAN = Plan(
    service='shared',
    routes=(
        Route(name='room preflight', match=Match(hosts=('chat.example.com',), path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z]+'))), methods=('OPTIONS',), scheme='https', headers=(Condition(name='origin'), Condition(name='access-control-request-method', values=('GET', 'HEAD'))), query=(Condition(name='v', values=('2',)),)), action=Preflight(), cors=Cors(origins=('https://chat.example.com', 'https://*.example.org:8443', 'http://[::1]:3000', 'capacitor://localhost'), headers=(('access-control-allow-credentials', b'true'), ('access-control-allow-headers', b'Last-Event-ID, X-Client'), ('access-control-max-age', b'3600')))),
        Route(name='room', match=Match(hosts=('chat.example.com',), path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z]+'))), methods=('GET', 'HEAD'), scheme='https', headers=(Condition(name='x-client', values=('web',)),), query=(Condition(name='v', values=('2',)),)), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))),), headers=(('content-type', b'text/event-stream'), ('vary', b'X-Client'))), cors=Cors(origins=('https://chat.example.com', 'https://*.example.org:8443', 'http://[::1]:3000', 'capacitor://localhost'), headers=(('access-control-allow-credentials', b'true'), ('access-control-expose-headers', b'X-Request-Id')))),
        Route(name='all preflight', match=Match(path=PathPattern(segments=('all',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('*',), headers=(('access-control-allow-headers', b'*'), ('access-control-max-age', b'0')))),
        Route(name='all', match=Match(path=PathPattern(segments=('all',)), websocket=False), action=Hold(backend='self', mode='stream', channels=(Channel(name=('all',)),), headers=(('content-type', b'text/plain'),)), cors=Cors(origins=('*',), headers=(('access-control-expose-headers', b'*'),))),
        Route(name='route-3 preflight', match=Match(path=PathPattern(segments=('poll',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method', values=('GET',)))), action=Preflight(), cors=Cors(origins=('http://localhost:3000',))),
        Route(name='route-3', match=Match(path=PathPattern(segments=('poll',)), methods=('GET',)), action=Hold(backend='self', mode='response', channels=(Channel(name=('all',)),), headers=(('content-type', b'text/plain'),)), cors=Cors(origins=('http://localhost:3000',))),
        Route(name='route-4 preflight', match=Match(path=PathPattern(segments=('poll',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method', values=('POST',)))), action=Preflight(), cors=Cors(origins=('https://a.example.com',))),
        Route(name='route-4', match=Match(path=PathPattern(segments=('poll',)), methods=('POST',)), action=Respond(status=202, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b''), cors=Cors(origins=('https://a.example.com',))),
        Route(name='route-5', match=Match(path=PathPattern(segments=('plain',))), action=Respond(status=200, headers=(('content-type', b'text/plain; charset=utf-8'), ('access-control-allow-origin', b'*')), body=b'')),
        Route(name='route-6', match=Match(), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('OPTIONS', 'https://chat.example.com/rooms/x?v=2', (('origin', b'x'), ('access-control-request-method', b'GET'))),
    ('GET', 'https://chat.example.com/rooms/x?v=2', (('x-client', b'web'),)),
    ('GET', 'https://example.com/poll', ()),
    ('POST', 'https://example.com/poll', ()),
    ('GET', 'https://example.com/plain', ()),
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, Respond: respond}, SAMPLES)
