# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.plan import Hold, Plan, Preflight, Respond, SandboxLimits, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='shared',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('OPTIONS', 'https://example.com/a', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/a', (('x-client', b'web'), ('x-default', b'x'), ('x-version', b'0'))),
    ('GET', 'https://example.com/c', (('x-client', b'web'), ('authorization', b'x'))),
    ('GET', 'https://example.com/k', (('last-event-id', b'x'), ('x-client', b'web'))),
    ('GET', 'https://example.com/l', (('x-client', b'web'),)),
    ('GET', 'https://example.com/m', (('upgrade', b'websocket'), ('x-client', b'web'))),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Preflight: answer_preflight, Respond: respond, WebSocket: answer_events},
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
