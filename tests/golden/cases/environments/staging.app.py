# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import redirect
from fanroute_runtime.explain import Explainer
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.plan import Fallback, GripSig, Hold, Key, Plan, Preflight, Redirect, SandboxLimits, StoreEntry, WebSocket
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge-staging',
    routes=ROUTES,
    fallbacks=(
        Fallback(backend='origin', headers=(('content-type', b'text/plain; charset=utf-8'),), body=b'', status=503),
    ),
    grip_sig=GripSig(keys=(Key(algorithm='HS256', material=StoreEntry(kind='secret', store='keys', name='pushpin'), issuer='pushpin-staging'),)),
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
    debug=StoreEntry(kind='secret', store='keys', name='debug'),
)

SAMPLES = (
    ('OPTIONS', 'https://api.example.com/rooms/x', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://api.example.com/rooms/x', ()),
    ('GET', 'https://x.rooms.staging.example.com/socket', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/staff/', ()),
    ('GET', 'https://example.com/app', ()),
    ('GET', 'https://chat.staging.example.com/', ()),
)

DECIDER = Explainer(
    PLAN,
    {Hold: hold, Preflight: answer_preflight, Redirect: redirect, WebSocket: answer_events},
    guards=Guards(PLAN, Guard),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
