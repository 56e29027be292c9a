# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.plan import Hold, Plan, Redirect, Respond, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='press-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/content/x', (('last-event-id', b'x'),)),
    ('GET', 'https://example.com/old/x', ()),
    ('GET', 'https://example.com/files/x/x', ()),
    ('GET', 'https://example.com/images/.png', ()),
    ('GET', 'https://example.com/', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Redirect: redirect, Respond: respond},
    guards=Guards(PLAN, Guard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
