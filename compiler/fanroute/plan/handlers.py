"""Names the function of the runtime that answers for each action of the Plan."""

from fanroute_runtime.cors import preflight
from fanroute_runtime.decide import Handler, redirect, respond
from fanroute_runtime.grip import hold
from fanroute_runtime.plan import Hold, Preflight, Redirect, Respond, WebSocket
from fanroute_runtime.websocket import converse

# Actions that pass a request on, such as Handoff, have none.
HANDLERS: dict[type, Handler] = {Hold: hold, WebSocket: converse, Respond: respond, Redirect: redirect, Preflight: preflight}
