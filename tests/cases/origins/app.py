# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Channel, Condition, Cors, Handoff, Hold, Match, PathPattern, Plan, Preflight, Route, Tunnel, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='guarded',
    routes=(
        Route(name='by-default', match=Match(path=PathPattern(segments=('socket',))), action=WebSocket(backend='self', channels=(Channel(name=('news',)),), echo=True), origins=('https://chat.example.com', 'https://*.example.org')),
        Route(name='own', match=Match(path=PathPattern(segments=('own',))), action=WebSocket(backend='self', channels=(Channel(name=('news',)),)), origins=('https://admin.example.com', 'http://localhost:3000')),
        Route(name='any', match=Match(path=PathPattern(segments=('any',))), action=WebSocket(backend='self', channels=(Channel(name=('news',)),))),
        Route(name='tunnel', match=Match(path=PathPattern(segments=('tunnel',))), action=Tunnel(backend='origin'), origins=('https://chat.example.com',)),
        Route(name='not-asked preflight', match=Match(path=PathPattern(segments=('events',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='not-asked', match=Match(path=PathPattern(segments=('events',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('news',)),), headers=(('content-type', b'text/event-stream'),)), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='route-6', match=Match(), action=Handoff(backend='origin'), origins=('https://chat.example.com', 'https://*.example.org')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/tunnel', (('upgrade', b'websocket'),)),
    ('OPTIONS', 'https://example.com/events', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/events', ()),
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, WebSocket: converse}, SAMPLES)
