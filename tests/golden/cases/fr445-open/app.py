# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.plan import Hold, Plan, Preflight, SandboxLimits, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
    linked=('origin',),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/open/x', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/open/x', ()),
    ('GET', 'https://example.com/a', ()),
    ('GET', 'https://example.com/e', ()),
    ('GET', 'https://example.com/g/x', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/missed/x', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Preflight: answer_preflight, WebSocket: answer_events},
    guards=Guards(PLAN, Guard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
