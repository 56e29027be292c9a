# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Auth, Bound, Channel, Condition, Cors, Hold, Key, Match, Parameter, PathPattern, Plan, Preflight, Route, Stored, TokenPlace, WebSocket
from fanroute_runtime.websocket import converse

AUTHS = (
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='keys', name='login')),), places=(TokenPlace(kind='query', name='token'),), leeway=10),
)

PLAN = Plan(
    service='guarded',
    routes=(
        Route(name='route-1 preflight', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z]+'), 'events')), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com', 'https://*.example.org'))),
        Route(name='route-1', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z]+'), 'events'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))), Channel(name=('news',))), headers=(('content-type', b'text/event-stream'),)), cors=Cors(origins=('https://chat.example.com', 'https://*.example.org'))),
        Route(name='route-2 preflight', match=Match(path=PathPattern(segments=('poll',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('*',))),
        Route(name='route-2', match=Match(path=PathPattern(segments=('poll',))), action=Hold(backend='self', mode='response', channels=(Channel(name=('polled',)),), headers=(('content-type', b'text/plain'),)), cors=Cors(origins=('*',))),
        Route(name='route-3', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z]+'), 'socket'))), action=WebSocket(backend='self', channels=(Channel(name=('other',)), Channel(name=('room-', Bound(source='path', name='room')))))),
        Route(name='route-4', match=Match(path=PathPattern(segments=('told',))), action=WebSocket(backend='self', channels=(Channel(name=('news',)),))),
        Route(name='route-5', match=Match(path=PathPattern(segments=('polled',))), action=WebSocket(backend='self', channels=(Channel(name=('polled',)),))),
        Route(name='route-6', match=Match(path=PathPattern(segments=('nothing',))), action=WebSocket(backend='self', channels=(Channel(name=('nothing',)),))),
        Route(name='route-7', match=Match(path=PathPattern(segments=('token',))), action=WebSocket(backend='self', channels=(Channel(name=('news',)),)), auth=AUTHS[0]),
        Route(name='route-8 preflight', match=Match(path=PathPattern(segments=('any',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com', 'https://*.example.org'))),
        Route(name='route-8', match=Match(path=PathPattern(segments=('any',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/plain'),)), cors=Cors(origins=('https://chat.example.com', 'https://*.example.org'))),
    ),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/rooms/x/events', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/rooms/x/events', ()),
    ('GET', 'https://example.com/poll', ()),
    ('GET', 'https://example.com/rooms/x/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/token', (('upgrade', b'websocket'),)),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, WebSocket: converse}, SAMPLES)
