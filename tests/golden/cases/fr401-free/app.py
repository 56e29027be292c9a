# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.plan import Hold, Plan, Redirect, SandboxLimits, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='free',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x', ()),
    ('GET', 'https://example.com/of/x', (('x-tenant', b'acme'),)),
    ('GET', 'https://example.com/said/x?id=0', (('upgrade', b'websocket'), ('x-tenant', b'acme'))),
    ('GET', 'https://example.com/elsewhere/x', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Redirect: redirect, WebSocket: answer_events},
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
