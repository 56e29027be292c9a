# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.logs import logging_classes
from fanroute_runtime.decide import Decider
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.plan import Hold, Plan, SandboxLimits
from fanroute_runtime.plan.logs import Logs
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/rooms/x/events', ()),
    ('GET', 'https://example.com/', ()),
)

DECIDER = Decider(
    PLAN,
    {Hold: hold},
)

HttpIncoming, Decisions = logging_classes(DECIDER, PLAN.sandbox, SAMPLES, Logs(endpoint='edge-logs', fields=('timestamp', 'fanroute.request.id', 'url.path', 'http.response.status_code'), sampled=1073741824))
