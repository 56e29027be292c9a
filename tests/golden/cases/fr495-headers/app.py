# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.compute.rates import check_rate
from fanroute_runtime.decide import Decider
from fanroute_runtime.limiter import Limiter
from fanroute_runtime.matching.addresses import in_networks
from fanroute_runtime.plan import Plan, SandboxLimits
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='pages-edge',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/any', ()),
)

DECIDER = Decider(
    PLAN,
    {},
    limiter=Limiter(PLAN.service, check_rate),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
