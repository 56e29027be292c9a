# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Condition, Handoff, Match, Parameter, PathPattern, Plan, Respond, Route

PLAN = Plan(
    service='chat-edge',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='(a{5})*a{1,4}'),))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-2', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='(a{7})*a{1,6}'),))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-3', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='(a{11})*a{1,10}'),))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-4', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='(a{13})*a{1,12}'),))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-5', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='(a{17})*a{1,16}'),))), action=Respond(status=404, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'')),
        Route(name='route-6', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='a+'),)), headers=(Condition(name='x-a'),)), action=Handoff(backend='origin')),
        Route(name='route-7', match=Match(path=PathPattern(segments=(Parameter(name='n', pattern='a*'),))), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/a', ()),
    ('GET', 'https://example.com/aaaaa', (('x-a', b'x'),)),
)

HttpIncoming = http_incoming(PLAN, {Respond: respond}, SAMPLES)
