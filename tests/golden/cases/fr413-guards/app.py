# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.matching.addresses import in_networks
from fanroute_runtime.plan import Plan, Respond, SandboxLimits
from fanroute_runtime.rewriting import Rewriter
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='guards',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/staff/', ()),
    ('GET', 'https://example.com/reports/0', ()),
    ('GET', 'https://example.com/office/', ()),
    ('GET', 'https://example.com/office/', ()),
    ('GET', 'https://example.com/api/', ()),
)

DECIDER = Decider(
    PLAN,
    {Respond: respond},
    guards=Guards(PLAN, Guard),
    rewriter=Rewriter(PLAN.refused_paths),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
