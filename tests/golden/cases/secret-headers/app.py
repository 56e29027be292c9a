# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.http.secret_headers import SecretHeaders
from fanroute_runtime.plan import Plan, Respond, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='relay-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/v1/', ()),
    ('GET', 'https://example.com/live/', ()),
    ('GET', 'https://example.com/live/', (('upgrade', b'websocket'),)),
    ('GET', 'https://example.com/', ()),
)

DECIDER = Decider(
    PLAN,
    {Respond: respond},
    secret_headers=SecretHeaders(),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
