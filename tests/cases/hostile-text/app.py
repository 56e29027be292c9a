# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Match, PathPattern, Plan, Respond, Route

PLAN = Plan(
    service='case',
    routes=(
        Route(name='a', match=Match(path=PathPattern(segments=('\'"', ');import_os'))), action=Respond(status=200, headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'\'"\\ {{ 7*7 }} {% raw %} \n\'\'\') ; import os # \xe2\x80\xa8\xf0\x9f\x98\x80')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/%27%22/%29%3Bimport_os', ()),
)

HttpIncoming = http_incoming(PLAN, {Respond: respond}, SAMPLES)
