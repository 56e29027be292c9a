"""The server of the orders: keeps the steps of each order, and tells whoever follows it, also what they have missed."""

from collections import defaultdict
from threading import Lock

from grip import event, last_id, publish
from web import Answer, Refused, Request, route, serve

# The steps of each order. The id of a step is its number: "1" for the first. A real server keeps them in a database.
orders: defaultdict[str, list[str]] = defaultdict(list)
# Steps of an order are published one after the other.
publishing = Lock()


@route("GET", "/orders/{order}/steps")
def steps(request: Request, order: str) -> Answer:
    """Answers a client that connects, and Fanout if it notices that a message is missing. Both say what they had last."""
    known = [*orders.get(order, [])]  # other requests can add steps meanwhile
    last = last_id(request.headers, request.query.get("after", ""))
    missed = "".join(event(step, str(number)) for number, step in enumerate(known, 1) if number > last)
    hold = {
        "Grip-Hold": "stream",
        "Grip-Channel": f"order-{order}; prev-id={len(known)}",
        "Grip-Link": f"</orders/{order}/steps>; rel=next",
        "Grip-Keep-Alive": ":\\n\\n; format=cstring; timeout=25",
    }
    return Answer(f"retry: 2000\n\n{missed}", headers={"Content-Type": "text/event-stream", **hold})


@route("POST", "/orders/{order}/steps")
def add_step(request: Request, order: str) -> Answer:
    """Adds a step. In your application, the code that packs and ships does this."""
    step = str(request.json().get("step", ""))[:100]
    if not step:
        raise Refused(400, "Send a 'step'.")
    with publishing:
        orders[order].append(step)
        number = len(orders[order])
        publish(f"order-{order}", step, id=str(number), previous_id=str(number - 1))
    return Answer({"step": step, "id": number}, status=201)


if __name__ == "__main__":
    serve()
