# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.plan import Fallback, Hold, Plan, Preflight, Redirect, Respond, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='x',
    routes=ROUTES,
    fallbacks=(
        Fallback(backend='origin', headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'${STATUS_PAGE}'),
    ),
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/a', (('x-key', b'${KEY}'),)),
    ('OPTIONS', 'https://origin.example.net/b', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://origin.example.net/b', ()),
    ('GET', 'https://example.com/d', ()),
    ('GET', 'https://example.com/h/x', ()),
    ('GET', 'https://example.com/f/x', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Preflight: answer_preflight, Redirect: redirect, Respond: respond},
    guards=Guards(PLAN, Guard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
