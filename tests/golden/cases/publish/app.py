# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.compute.publishing import carry_out
from fanroute_runtime.decide import Decider
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.publishing import answer_and_publish, publish
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.plan import Hold, Plan, Preflight, SandboxLimits, WebSocket
from fanroute_runtime.plan.publishing import Publish
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='rooms',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1, max_backend_requests=32),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x/events', ()),
    ('GET', 'https://example.com/rooms/x/poll', ()),
    ('GET', 'https://example.com/rooms/x/socket', (('upgrade', b'websocket'),)),
    ('OPTIONS', 'https://example.com/rooms/x/messages', (('origin', b'x'), ('access-control-request-method', b'POST'))),
    ('POST', 'https://example.com/rooms/x/messages', (('x-id', b'x'),)),
    ('GET', 'https://example.com/lines', ()),
    ('POST', 'https://example.com/lines', ()),
    ('GET', 'https://example.com/plain', (('upgrade', b'websocket'),)),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Preflight: answer_preflight, Publish: publish, WebSocket: answer_and_publish},
    guards=Guards(PLAN, FurtherGuard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES, carry_out)
