# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.compute.publishing import carry_out
from fanroute_runtime.decide import Decider
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.publishing import answer_and_publish, publish
from fanroute_runtime.plan import Hold, Plan, SandboxLimits, WebSocket
from fanroute_runtime.plan.publishing import Publish
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='rooms',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/news', ()),
    ('GET', 'https://example.com/members', ()),
    ('POST', 'https://example.com/news', ()),
    ('PUT', 'https://example.com/news', ()),
    ('GET', 'https://example.com/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/readers', (('upgrade', b'websocket'),)),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Publish: publish, WebSocket: answer_and_publish},
    guards=Guards(PLAN, Guard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES, carry_out)
