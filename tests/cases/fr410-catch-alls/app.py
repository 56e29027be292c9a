# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.cors import preflight
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Condition, Cors, Handoff, Match, Parameter, PathPattern, Plan, Preflight, Respond, Route

PLAN = Plan(
    service='catch-alls',
    routes=(
        Route(name='route-1', match=Match(hosts=('a.example.com',), path=PathPattern(segments=(), rest=True), methods=('GET', 'POST')), action=Handoff(backend='origin')),
        Route(name='route-2', match=Match(hosts=('b.example.com',), websocket=True), action=Handoff(backend='origin')),
        Route(name='route-3', match=Match(hosts=('b.example.com',), methods=('POST',)), action=Handoff(backend='origin')),
        Route(name='route-4', match=Match(hosts=('b.example.com',), path=PathPattern(segments=('live',), rest=True)), action=Handoff(backend='origin')),
        Route(name='route-5', match=Match(hosts=('b.example.com',), query=(Condition(name='live'),)), action=Handoff(backend='origin')),
        Route(name='shared preflight', match=Match(hosts=('b.example.com',), methods=('OPTIONS',), headers=(Condition(name='origin'), Condition(name='access-control-request-method', values=('GET',)))), action=Preflight(), cors=Cors(origins=('*',))),
        Route(name='shared', match=Match(hosts=('b.example.com',), methods=('GET',)), action=Respond(status=200, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b''), cors=Cors(origins=('*',))),
        Route(name='route-7', match=Match(hosts=('b.example.com',), methods=('GET', 'HEAD')), action=Respond(status=200, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-8', match=Match(hosts=('b.example.com',)), action=Handoff(backend='origin')),
        Route(name='route-9', match=Match(path=PathPattern(segments=(Parameter(name='language'),), rest=True), websocket=False, headers=(Condition(name='x-live', present=False),)), action=Handoff(backend='origin')),
        Route(name='route-10', match=Match(path=PathPattern(segments=(Parameter(name='page'),))), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://a.example.com/', ()),
    ('OPTIONS', 'https://b.example.com/', (('origin', b'x'), ('access-control-request-method', b'GET'))),
    ('GET', 'https://b.example.com/', ()),
    ('HEAD', 'https://b.example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Preflight: preflight, Respond: respond}, SAMPLES)
