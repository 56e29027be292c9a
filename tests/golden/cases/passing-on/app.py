# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider
from fanroute_runtime.plan import Fallback, Plan, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='passing-on',
    routes=ROUTES,
    fallbacks=(
        Fallback(backend='origin', headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'Back soon\n'),
        Fallback(backend='files', headers=(('content-type', b'text/html'), ('retry-after', b'60')), body=b'<p>Back soon', status=503),
        Fallback(backend='self', headers=(('content-type', b'text/plain; charset=utf-8'),), body=b''),
    ),
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('POST', 'https://example.com/upload/', ()),
    ('GET', 'https://example.com/ws', (('upgrade', b'websocket'),)),
)

DECIDER = Decider(
    PLAN,
    {},
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
