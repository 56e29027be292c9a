# Made by fanroute from routes.yaml; edit that file instead.
from fanroute_runtime.edge import http_incoming
from fanroute_runtime.plan import Condition, Handoff, Match, Parameter, PathPattern, Plan, Route

PLAN = Plan(
    service='everything',
    routes=(
        Route(name='short-forms', match=Match(hosts=('chat.example.com',), path=PathPattern(segments=('rooms', Parameter(name='room'), 'users', Parameter(name='user_id'))), methods=('GET',), scheme='https', websocket=False, headers=(Condition(name='x-plan', values=('pro',)),), query=(Condition(name='version', values=('2',)),)), action=Handoff(backend='origin')),
        Route(name='full-forms', match=Match(hosts=('*.edgecompute.app', 'chat.example.com'), path=PathPattern(segments=('files', Parameter(name='folder')), rest=True), methods=('GET', 'PUT'), scheme='http', websocket=True, headers=(Condition(name='x-plan', values=('pro', 'team')), Condition(name='authorization'), Condition(name='x-debug', present=False), Condition(name='x-tier', values=('a',))), query=(Condition(name='a b', values=('1', '2')), Condition(name='after'), Condition(name='before', present=False))), action=Handoff(backend='origin')),
    ),
)

SAMPLES = (
    ('GET', 'https://chat.example.com/rooms/x/users/x?version=2', (('x-plan', b'pro'),)),
)

HttpIncoming = http_incoming(PLAN, {}, SAMPLES)
