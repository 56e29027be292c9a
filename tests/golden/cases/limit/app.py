# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.compute.rates import check_rate
from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.limiter import Limiter
from fanroute_runtime.plan import Hold, Plan, Preflight, Respond, SandboxLimits, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/rooms/x/events', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/rooms/x/events', ()),
    ('GET', 'https://example.com/rooms/x/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/team/', ()),
    ('GET', 'https://example.com/partners/', (('x-partner', b'one'),)),
    ('GET', 'https://example.com/', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Preflight: answer_preflight, Respond: respond, WebSocket: answer_events},
    guards=Guards(PLAN, FurtherGuard),
    limiter=Limiter(PLAN.service, check_rate),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
