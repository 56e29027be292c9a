# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Condition, Handoff, Match, Parameter, PathPattern, Plan, Respond, Route

PLAN = Plan(
    service='dead',
    routes=(
        Route(name='staff', match=Match(hosts=('*.staff.example.com',), path=PathPattern(segments=('admin', Parameter(name='page')))), action=Handoff(backend='origin')),
        Route(name='users', match=Match(hosts=('*.example.com',), path=PathPattern(segments=('users', Parameter(name='id', pattern='[0-9]+')))), action=Handoff(backend='origin')),
        Route(name='route-3', match=Match(hosts=('a.staff.example.com',), path=PathPattern(segments=('admin', 'logs'))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-4', match=Match(hosts=('*.b.example.com',), path=PathPattern(segments=('users', '007'))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-5', match=Match(hosts=('*.b.example.com',), path=PathPattern(segments=('users', Parameter(name='id', pattern='0x[0-9a-f]+')))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='reads', match=Match(path=PathPattern(segments=('files',), rest=True), methods=('GET', 'HEAD')), action=Handoff(backend='origin')),
        Route(name='old', match=Match(path=PathPattern(segments=('files',), rest=True), headers=(Condition(name='x-old'),)), action=Handoff(backend='origin')),
        Route(name='new', match=Match(path=PathPattern(segments=('files',), rest=True), headers=(Condition(name='x-old', present=False),)), action=Handoff(backend='origin')),
        Route(name='uploads', match=Match(path=PathPattern(segments=('files', Parameter(name='name'))), methods=('POST',)), action=Handoff(backend='origin')),
        Route(name='route-10', match=Match(path=PathPattern(segments=('a',)), headers=(Condition(name='x-a', values=('a ', '✓')),)), action=Handoff(backend='origin')),
        Route(name='route-11', match=Match(path=PathPattern(segments=('a',)), methods=('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH')), action=Handoff(backend='origin')),
        Route(name='route-12', match=Match(path=PathPattern(segments=('a',))), action=Handoff(backend='origin')),
        Route(name='b-1', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('1',)),)), action=Handoff(backend='origin')),
        Route(name='b-2', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('2',)),)), action=Handoff(backend='origin')),
        Route(name='b-3', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('3',)),)), action=Handoff(backend='origin')),
        Route(name='b-4', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('4',)),)), action=Handoff(backend='origin')),
        Route(name='b-5', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('5',)),)), action=Handoff(backend='origin')),
        Route(name='b-6', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('6',)),)), action=Handoff(backend='origin')),
        Route(name='b-6-1', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('6', '1', '2', '3', '4', '5')),)), action=Handoff(backend='origin')),
        Route(name='b-7-1', match=Match(path=PathPattern(segments=('b',)), query=(Condition(name='n', values=('7', '1')),)), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://x.staff.example.com/admin/x', ()),
)

HttpIncoming = http_incoming(PLAN, {Respond: respond}, SAMPLES)
