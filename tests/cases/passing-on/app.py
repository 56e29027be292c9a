# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Fallback, Forward, HeaderRules, Match, PathPattern, Plan, Route, Tunnel

PLAN = Plan(
    service='passing-on',
    routes=(
        Route(name='upload', match=Match(path=PathPattern(segments=('upload',), rest=True), methods=('POST', 'PUT'), websocket=False), action=Forward(backend='files'), request_headers=HeaderRules(set=(('x-edge', b'fanroute'),)), response_headers=HeaderRules(set=(('content-type', b'text/plain'),), remove=('server',))),
        Route(name='socket', match=Match(path=PathPattern(segments=('ws',)), methods=('GET',), websocket=True), action=Tunnel(backend='origin'), request_headers=HeaderRules(remove=('cookie',))),
        Route(name='rest', match=Match(methods=('GET', 'HEAD')), action=Forward(backend='origin')),
    ),
    fallbacks=(
        Fallback(backend='origin', headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'Back soon\n'),
        Fallback(backend='files', headers=(('content-type', b'text/html'), ('retry-after', b'60')), body=b'<p>Back soon', status=503),
        Fallback(backend='self', headers=(('content-type', b'text/plain; charset=utf-8'),), body=b''),
    ),
)

SAMPLES = (
    ('POST', 'https://example.com/upload/', ()),
    ('GET', 'https://example.com/ws', (('upgrade', b'websocket'),)),
)

HttpIncoming = http_incoming(PLAN, {}, SAMPLES)
