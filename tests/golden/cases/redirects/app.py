# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect
from fanroute_runtime.plan import Plan, Redirect, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='redirects',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/', ()),
    ('GET', 'https://www.example.com/tokens', ()),
)

DECIDER = Decider(
    PLAN,
    {Redirect: redirect},
    guards=Guards(PLAN, Guard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
