# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Match, PathPattern, Plan, Respond, Route

PLAN = Plan(
    service='pages',
    routes=(
        Route(name='route-1', match=Match(path=PathPattern(segments=('',))), action=Respond(status=200, headers=(('content-type', b'text/html; charset=utf-8'),), body=b'<p>caf\xc3\xa9 {{ 1 }} \'"""\n')),
        Route(name='route-2', match=Match(path=PathPattern(segments=('logo',))), action=Respond(status=200, headers=(('content-type', b'image/png'), ('cache-control', b'max-age=60')), body=b'\x89PNG\r\n\x1a\n\x00\xff')),
        Route(name='route-3', match=Match(path=PathPattern(segments=('latin',))), action=Respond(status=200, headers=(('content-type', b'text/plain'),), body=b'caf\xe9\n')),
        Route(name='route-4', match=Match(path=PathPattern(segments=('app.js',))), action=Respond(status=200, headers=(('content-type', b'text/javascript; charset=utf-8'),), body=b'alert(1)\n')),
        Route(name='route-5', match=Match(path=PathPattern(segments=('data',))), action=Respond(status=404, headers=(('content-type', b'application/json'),), body=b'{}')),
        Route(name='route-6', match=Match(path=PathPattern(segments=('more',))), action=Respond(status=200, headers=(('content-type', b'application/octet-stream'),), body=b'{}')),
        Route(name='route-7', match=Match(path=PathPattern(segments=('packed',))), action=Respond(status=200, headers=(('content-type', b'application/octet-stream'),), body=b'\x1f\x8b')),
    ),
)

SAMPLES = (
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Respond: respond}, SAMPLES)
