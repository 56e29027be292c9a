# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.decide import redirect, respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Channel, Condition, Cors, Handoff, HeaderRules, Hold, Match, PathPattern, Plan, Preflight, Redirect, Respond, Route, WebSocket
from fanroute_runtime.websocket import converse

PLAN = Plan(
    service='by-default',
    routes=(
        Route(name='route-1 preflight', match=Match(path=PathPattern(segments=('stream',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='route-1', match=Match(path=PathPattern(segments=('stream',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/plain'),), instructions=(('grip-keep-alive', b'\\n; format=cstring; timeout=25'),)), cors=Cors(origins=('https://chat.example.com',)), response_headers=HeaderRules(set=(('x-frame-options', b'DENY'),), remove=('server',))),
        Route(name='route-2 preflight', match=Match(path=PathPattern(segments=('events',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('*',))),
        Route(name='route-2', match=Match(path=PathPattern(segments=('events',))), action=Hold(backend='self', mode='stream', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/event-stream'),), instructions=(('grip-keep-alive', b':\\n\\n; format=cstring; timeout=5'),)), cors=Cors(origins=('*',)), response_headers=HeaderRules(set=(('x-frame-options', b'SAMEORIGIN'),), add=(('server', b'edge'),))),
        Route(name='route-3 preflight', match=Match(path=PathPattern(segments=('poll',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='route-3', match=Match(path=PathPattern(segments=('poll',))), action=Hold(backend='self', mode='response', channels=(Channel(name=('a',)),), headers=(('content-type', b'text/plain'),)), cors=Cors(origins=('https://chat.example.com',)), response_headers=HeaderRules(set=(('x-frame-options', b'DENY'),), remove=('server',))),
        Route(name='route-4 preflight', match=Match(path=PathPattern(segments=('answer',)), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method'))), action=Preflight(), cors=Cors(origins=('https://chat.example.com',))),
        Route(name='route-4', match=Match(path=PathPattern(segments=('answer',))), action=Respond(status=200, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b''), cors=Cors(origins=('https://chat.example.com',)), response_headers=HeaderRules(set=(('x-frame-options', b'DENY'),), remove=('server',))),
        Route(name='route-5', match=Match(path=PathPattern(segments=('socket',))), action=WebSocket(backend='self', channels=(Channel(name=('a',)),), instructions=(b'c:{"type":"keep-alive","message-type":"ping","content":"keep-alive","timeout":25}',)), origins=('https://chat.example.com',), response_headers=HeaderRules(set=(('x-frame-options', b'DENY'),), remove=('server',))),
        Route(name='route-6', match=Match(path=PathPattern(segments=('old',))), action=Redirect(status=302, location=('/new',)), response_headers=HeaderRules(set=(('x-frame-options', b'DENY'),), remove=('server',))),
        Route(name='route-7', match=Match(path=PathPattern(segments=('live',))), action=Handoff(backend='origin'), origins=('https://chat.example.com',), request_headers=HeaderRules(set=(('x-edge', b'fanroute'), ('x-zone', b'a')), add=(('via', b'1.1 edge'),), remove=('cookie', 'x-debug'))),
        Route(name='route-8', match=Match(path=PathPattern(segments=('live',), rest=True)), action=Handoff(backend='origin'), origins=('https://chat.example.com',), request_headers=HeaderRules(set=(('x-zone', b'b'), ('x-own', b'c')), remove=('cookie', 'x-debug', 'x-edge', 'via'))),
    ),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/stream', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/stream', ()),
    ('GET', 'https://example.com/poll', ()),
    ('GET', 'https://example.com/answer', ()),
    ('GET', 'https://example.com/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/old', ()),
    ('GET', 'https://example.com/live', ()),
)

HttpIncoming = http_incoming(PLAN, {Hold: hold, Preflight: preflight, Redirect: redirect, Respond: respond, WebSocket: converse}, SAMPLES)
