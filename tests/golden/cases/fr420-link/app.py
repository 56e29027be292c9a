# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.plan import Hold, Plan, Redirect, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='links',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
    linked=('origin',),
)

SAMPLES = (
    ('GET', 'https://example.com/lost/x?after=x', ()),
    ('GET', 'https://example.com/again/', ()),
    ('GET', 'https://example.com/held', ()),
    ('GET', 'https://example.com/moved', ()),
    ('GET', 'https://example.com/tunnel', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/forward', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Redirect: redirect},
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
