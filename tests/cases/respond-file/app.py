# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.decide import respond
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.packed import Routes
from fanroute_runtime.plan import Plan, Respond

ROUTES = Routes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='pages',
    routes=ROUTES,
)

SAMPLES = (
    ('GET', 'https://example.com/', ()),
)

HttpIncoming = http_incoming(PLAN, {Respond: respond}, SAMPLES)
