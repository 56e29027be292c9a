# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.decide import redirect
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Auth, Bound, Channel, Condition, Cors, Forward, Handoff, Hold, Key, Match, Parameter, PathPattern, Plan, Preflight, Redirect, Route, Stored, TokenPlace, Tunnel, WebSocket
from fanroute_runtime.websocket import converse

AUTHS = (
    Auth(keys=(Key(algorithm='ES256', material=b'-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZaZ9YlAZ7oP0KlN3bphTr+DbPgeK\nbsFq6J9fGWNfMWwdebAItBMOOxhMHlYwBAI5xmrAxy9j0olZ92ay+j5D3w==\n-----END PUBLIC KEY-----\n', kid='2026'), Key(algorithm='RS256', material=b'-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4CiQk9bFbPRXBne+BRTP\n0m6EA+RxKygHCEnmd9ppcjjdt3VYZVmhDqKHdFgBfk3W2Zf0VMeq3bNcftkQh+vQ\nUxnKSCGXcvH9POc2bDU1NpyLDuLYKU96Ra+w8JZhspPrGBY3umBPbaAVFjLGuwBb\nxkKAPPWne0L1VioyKPxkddqFB9K3eUq1g8P+cWlkCqNe/3xjfHwtOaUZtJXvDLxz\nbLK9tlnu6SQP/Vc7R6NKHpfEAZGrJ0xICiaq42Z/if9z3JTuExxmeEWFmVhPryTf\nOLTZwCbwe22Ds4KZGbuqVpDB6Mqo4HA/faFF/OOMq9A0cL0TQn3cRKow38aIE7OM\nqwIDAQAB\n-----END PUBLIC KEY-----\n', kid='2025')), places=(TokenPlace(kind='authorization'), TokenPlace(kind='cookie', name='session'), TokenPlace(kind='query', name='token')), leeway=10, issuers=('https://login.example.com',), audiences=('chat',)),
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='edge-keys', name='login')),), places=(TokenPlace(kind='query', name='access_token'),), leeway=0, issuers=('a', 'b'), audiences=('chat', 'chat-dev'), claims=(Condition(name='role', values=('member', 'admin')), Condition(name='tenant', pattern='[a-z]+'), Condition(name='email'), Condition(name='banned', present=False), Condition(name='plan', values=('pro',))), channels='x-fastly-read'),
    Auth(keys=(Key(algorithm='RS256', material=Stored(kind='config', store='edge', name='login')),), places=(TokenPlace(kind='authorization'),), leeway=10),
)

PLAN = Plan(
    service='chat-edge',
    routes=(
        Route(name='own', match=Match(path=PathPattern(segments=('events',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('user-', Bound(source='claim', name='sub'))), Channel(name=('tenant-', Bound(source='claim', name='https://example.com/tenant')), prev_id=(Bound(source='claim', name='seen'),))), headers=(('content-type', b'text/event-stream'),), meta=(('user', (Bound(source='claim', name='sub'),)),), link=('/missed/', Bound(source='claim', name='sub'))), auth=AUTHS[0]),
        Route(name='rooms', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room'), 'socket'))), action=WebSocket(backend='self', channels=(Channel(name=(Bound(source='claim', name='tenant'), ':', Bound(source='path', name='room'))),), meta=(('user', (Bound(source='claim', name='sub'),)),), expiry_leeway=0), auth=AUTHS[1]),
        Route(name='ambiguous', match=Match(path=PathPattern(segments=('rooms', Parameter(name='room', pattern='[a-z-]+'), 'events'))), action=Hold(backend='self', mode='stream', channels=(Channel(name=(Bound(source='claim', name='sub'), '-', Bound(source='path', name='room'))),), headers=(('content-type', b'text/plain'),)), auth=AUTHS[0]),
        Route(name='pages preflight', match=Match(path=PathPattern(segments=('poll',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='pages', match=Match(path=PathPattern(segments=('poll',))), action=Hold(backend='self', mode='response', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/plain'),)), auth=AUTHS[2], cors=Cors(origins=('https://chat.example.com',))),
        Route(name='lobby', match=Match(path=PathPattern(segments=('lobby', Parameter(name='language', pattern='[a-z]{2}')))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('lobby-', Bound(source='path', name='language'))),), headers=(('content-type', b'text/event-stream'),))),
        Route(name='profile', match=Match(path=PathPattern(segments=('me',))), action=Redirect(status=302, location=('/users/', Bound(source='claim', name='sub'))), auth=AUTHS[0]),
        Route(name='route-7', match=Match(path=PathPattern(segments=('live',), rest=True)), action=Handoff(backend='origin'), auth=AUTHS[0]),
        Route(name='route-8', match=Match(path=PathPattern(segments=('uploads',), rest=True)), action=Forward(backend='origin'), auth=AUTHS[0]),
        Route(name='route-9', match=Match(path=PathPattern(segments=('socket',))), action=Tunnel(backend='origin'), auth=AUTHS[0], origins=('https://chat.example.com',)),
        Route(name='route-10', match=Match(), action=Forward(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/events', ()),
    ('GET', 'https://example.com/rooms/x/socket', (('upgrade', b'websocket'),)),
    ('OPTIONS', 'https://example.com/poll', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/poll', ()),
    ('GET', 'https://example.com/lobby/aa', ()),
    ('GET', 'https://example.com/me', ()),
    ('GET', 'https://example.com/live/', ()),
    ('GET', 'https://example.com/uploads/', ()),
    ('GET', 'https://example.com/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, Redirect: redirect, WebSocket: converse}, SAMPLES)
