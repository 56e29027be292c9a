# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.plan import Hold, Plan, Respond, SandboxLimits, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/health', ()),
    ('GET', 'https://chat.example.com/rooms/x/events', ()),
    ('GET', 'https://socket.example.com/rooms/x', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/shop/', ()),
    ('GET', 'https://example.com/', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Respond: respond, WebSocket: answer_events},
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
