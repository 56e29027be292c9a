# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.plan import Plan, Preflight, Respond, SandboxLimits
from fanroute_runtime.rewriting import Rewriter
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='names',
    routes=ROUTES,
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/a/?utm_%2A=x', (('x-any-*', b'x'),)),
    ('OPTIONS', 'https://example.com/b', (('origin', b'x'), ('access-control-request-method', b'x'))),
    ('GET', 'https://example.com/b', ()),
)

DECIDER = Decider(
    PLAN,
    {Preflight: answer_preflight, Respond: respond},
    guards=Guards(PLAN, FurtherGuard),
    rewriter=Rewriter(PLAN.refused_paths),
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
