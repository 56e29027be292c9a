# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.decide import redirect
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Auth, Channel, Condition, Cors, HeaderRules, Hold, Key, Match, PathPattern, Plan, Preflight, Redirect, Route, Stored, TokenPlace, WebSocket
from fanroute_runtime.websocket import converse

AUTHS = (
    Auth(keys=(Key(algorithm='HS256', material=Stored(kind='secret', store='keys', name='other')),), places=(TokenPlace(kind='authorization'),), leeway=10),
)

PLAN = Plan(
    service='by-default',
    routes=(
        Route(name='route-1 preflight', match=Match(path=PathPattern(segments=('a',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://a.example.com',))),
        Route(name='route-1', match=Match(path=PathPattern(segments=('a',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/event-stream'),), instructions=(('grip-keep-alive', b':\\n\\n; format=cstring; timeout=5'),)), cors=Cors(origins=('https://a.example.com',)), response_headers=HeaderRules(remove=('server',))),
        Route(name='route-2', match=Match(path=PathPattern(segments=('b',))), action=Redirect(status=302, location=('/a',)), auth=AUTHS[0], response_headers=HeaderRules(remove=('server',))),
        Route(name='route-3', match=Match(path=PathPattern(segments=('c',))), action=WebSocket(backend='self', channels=(Channel(name=('a',)),), instructions=(b'c:{"type":"keep-alive","message-type":"ping","content":"keep-alive","timeout":5}',)), response_headers=HeaderRules(remove=('server',))),
    ),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/a', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/a', ()),
    ('GET', 'https://example.com/b', ()),
    ('GET', 'https://example.com/c', (('upgrade', b'websocket'),)),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, Redirect: redirect, WebSocket: converse}, SAMPLES)
