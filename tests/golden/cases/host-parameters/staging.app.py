# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, redirect, respond
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.matching.host_labels import label_predicates
from fanroute_runtime.plan import Hold, Plan, Redirect, Respond, SandboxLimits, WebSocket
from fanroute_runtime.rewriting import Rewriter
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='tenants-edge-staging',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://admin.example.com/', ()),
    ('GET', 'https://x.staging.example.com/news', (('last-event-id', b'x'),)),
    ('GET', 'https://example.com/missed/x', ()),
    ('GET', 'https://x.eu.example.com/rooms/x', (('upgrade', b'websocket'),)),
    ('GET', 'https://x.staging.example.org/', ()),
    ('GET', 'https://x.staging.example.com/api/', ()),
    ('GET', 'https://x.staging.example.com/robots.txt', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold, Redirect: redirect, Respond: respond, WebSocket: answer_events},
    guards=Guards(PLAN, Guard),
    rewriter=Rewriter(PLAN.refused_paths),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
