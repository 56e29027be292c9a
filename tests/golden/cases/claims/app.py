# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.plan import Hold, Plan, Redirect, Respond, SandboxLimits, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/events', ()),
    ('GET', 'https://example.com/tenants/x/rooms/x', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/reports?report%20name=x', ()),
    ('GET', 'https://example.com/me', ()),
    ('GET', 'https://example.com/', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Redirect: redirect, Respond: respond, WebSocket: answer_events},
    guards=Guards(PLAN, FurtherGuard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
