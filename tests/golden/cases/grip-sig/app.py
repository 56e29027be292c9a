# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.compute.edge import exported_classes
from fanroute_runtime.decide import Decider
from fanroute_runtime.plan import GripSig, Key, Plan, SandboxLimits, StoreEntry
from fanroute_runtime.routes_file import LazyRoutes

ROUTES = LazyRoutes(__loader__.get_data(__file__.removesuffix('app.py') + 'routes.jsonl'))

PLAN = Plan(
    service='chat-edge',
    routes=ROUTES,
    grip_sig=GripSig(keys=(Key(algorithm='ES256', material=b'-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZaZ9YlAZ7oP0KlN3bphTr+DbPgeK\nbsFq6J9fGWNfMWwdebAItBMOOxhMHlYwBAI5xmrAxy9j0olZ92ay+j5D3w==\n-----END PUBLIC KEY-----\n', issuer='pushpin'), Key(algorithm='RS256', material=b'-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4CiQk9bFbPRXBne+BRTP\n0m6EA+RxKygHCEnmd9ppcjjdt3VYZVmhDqKHdFgBfk3W2Zf0VMeq3bNcftkQh+vQ\nUxnKSCGXcvH9POc2bDU1NpyLDuLYKU96Ra+w8JZhspPrGBY3umBPbaAVFjLGuwBb\nxkKAPPWne0L1VioyKPxkddqFB9K3eUq1g8P+cWlkCqNe/3xjfHwtOaUZtJXvDLxz\nbLK9tlnu6SQP/Vc7R6NKHpfEAZGrJ0xICiaq42Z/if9z3JTuExxmeEWFmVhPryTf\nOLTZwCbwe22Ds4KZGbuqVpDB6Mqo4HA/faFF/OOMq9A0cL0TQn3cRKow38aIE7OM\nqwIDAQAB\n-----END PUBLIC KEY-----\n', issuer='pushpin'), Key(algorithm='HS256', material=StoreEntry(kind='secret', store='edge-keys', name='pushpin-us'), issuer='pushpin-us'), Key(algorithm='ES256', material=StoreEntry(kind='config', store='proxies', name='pushpin.eu'), issuer='pushpin-eu'))),
    sandbox=SandboxLimits(max_requests=1000, max_lifetime=60, next_request_timeout=1),
)

SAMPLES = (
    ('GET', 'https://example.com/live/', ()),
)

DECIDER = Decider(
    PLAN,
    {},
)

HttpIncoming, Decisions = exported_classes(DECIDER, PLAN.sandbox, SAMPLES)
