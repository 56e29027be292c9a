# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider
from fanroute_runtime.matching.host_labels import label_predicates
from fanroute_runtime.plan import Plan, SandboxLimits
from fanroute_runtime.rewriting import Rewriter
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='rewrites',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/admin/', ()),
    ('GET', 'https://example.com/own/', ()),
    ('GET', 'https://example.com/x/x', ()),
)

DECIDER = Decider(
    PLAN,
    {},
    guards=Guards(PLAN, Guard),
    rewriter=Rewriter(PLAN.refused_paths),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
