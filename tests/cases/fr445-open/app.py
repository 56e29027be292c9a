# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Auth, Bound, Channel, Condition, Cors, Forward, Hold, Key, Match, Parameter, PathPattern, Plan, Preflight, Route, Stored, TokenPlace, WebSocket
from fanroute_runtime.websocket import converse

AUTHS = (
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='edge', name='login')),), places=(TokenPlace(kind='cookie', name='session'),), leeway=10),
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='edge', name='login')),), places=(TokenPlace(kind='authorization'),), leeway=10),
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='edge', name='login')),), places=(TokenPlace(kind='authorization'), TokenPlace(kind='query', name='token')), leeway=10),
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='edge', name='login')),), places=(TokenPlace(kind='authorization'),), leeway=10, channels='rooms'),
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='edge', name='login')),), places=(TokenPlace(kind='query', name='token'),), leeway=10),
)

PLAN = Plan(
    service='chat-edge',
    routes=(
        Route(name='route-1 preflight', match=Match(path=PathPattern(segments=('open', Parameter(name='room', pattern='[a-z]+'))), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='route-1', match=Match(path=PathPattern(segments=('open', Parameter(name='room', pattern='[a-z]+')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('room-', Bound(source='path', name='room'))),), headers=(('content-type', b'text/plain'),)), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='cookie-by-default preflight', match=Match(path=PathPattern(segments=('a',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='cookie-by-default', match=Match(path=PathPattern(segments=('a',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('user-', Bound(source='claim', name='sub'))),), headers=(('content-type', b'text/event-stream'),)), auth=AUTHS[0], cors=Cors(origins=('https://chat.example.com',))),
        Route(name='cookie-again preflight', match=Match(path=PathPattern(segments=('b',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='cookie-again', match=Match(path=PathPattern(segments=('b',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('user-', Bound(source='claim', name='sub'))),), headers=(('content-type', b'text/event-stream'),)), auth=AUTHS[0], cors=Cors(origins=('https://chat.example.com',))),
        Route(name='header preflight', match=Match(path=PathPattern(segments=('c',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('*',), headers=(('access-control-allow-headers', b'*'),))),
        Route(name='header', match=Match(path=PathPattern(segments=('c',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/event-stream'),)), auth=AUTHS[1], cors=Cors(origins=('*',))),
        Route(name='allowed-header preflight', match=Match(path=PathPattern(segments=('d',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('*',), headers=(('access-control-allow-headers', b'X-A, authorization'),))),
        Route(name='allowed-header', match=Match(path=PathPattern(segments=('d',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/event-stream'),)), auth=AUTHS[1], cors=Cors(origins=('*',))),
        Route(name='allowed-cookie preflight', match=Match(path=PathPattern(segments=('e',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',), headers=(('access-control-allow-credentials', b'true'),))),
        Route(name='allowed-cookie', match=Match(path=PathPattern(segments=('e',))), action=Hold(backend='self', mode='response', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/plain'),)), auth=AUTHS[0], cors=Cors(origins=('https://chat.example.com',), headers=(('access-control-allow-credentials', b'true'),))),
        Route(name='query preflight', match=Match(path=PathPattern(segments=('f',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='query', match=Match(path=PathPattern(segments=('f',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/event-stream'),)), auth=AUTHS[2], cors=Cors(origins=('https://chat.example.com',))),
        Route(name='free-room-of-the-token', match=Match(path=PathPattern(segments=('g', Parameter(name='room')))), action=WebSocket(backend='self', channels=(Channel(name=('room-', Bound(source='path', name='room'))),)), auth=AUTHS[3]),
        Route(name='free-room', match=Match(path=PathPattern(segments=('h', Parameter(name='room')))), action=WebSocket(backend='self', channels=(Channel(name=('room-', Bound(source='path', name='room'))),)), auth=AUTHS[1]),
        Route(name='linked preflight', match=Match(path=PathPattern(segments=('i',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method')), query=(Condition(name='after'), Condition(name='token'))), action=Preflight(), cors=Cors(origins=('*',))),
        Route(name='linked', match=Match(path=PathPattern(segments=('i',)), query=(Condition(name='after'), Condition(name='token'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('user-', Bound(source='claim', name='sub')), prev_id=(Bound(source='query', name='after'),)),), headers=(('content-type', b'text/event-stream'),), link=('/missed/', Bound(source='claim', name='sub'))), auth=AUTHS[4], cors=Cors(origins=('*',))),
        Route(name='linked-with-its-token preflight', match=Match(path=PathPattern(segments=('j',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method')), query=(Condition(name='after'), Condition(name='token'))), action=Preflight(), cors=Cors(origins=('*',))),
        Route(name='linked-with-its-token', match=Match(path=PathPattern(segments=('j',)), query=(Condition(name='after'), Condition(name='token'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('user-', Bound(source='claim', name='sub')), prev_id=(Bound(source='query', name='after'),)),), headers=(('content-type', b'text/event-stream'),), link=('/missed/', Bound(source='claim', name='sub'), '?token=', Bound(source='query', name='token'))), auth=AUTHS[4], cors=Cors(origins=('*',))),
        Route(name='missed', match=Match(path=PathPattern(segments=('missed', Parameter(name='user')))), action=Forward(backend='origin'), auth=AUTHS[4]),
    ),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/open/x', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/open/x', ()),
    ('GET', 'https://example.com/a', ()),
    ('GET', 'https://example.com/e', ()),
    ('GET', 'https://example.com/g/x', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/missed/x', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, WebSocket: converse}, SAMPLES)
