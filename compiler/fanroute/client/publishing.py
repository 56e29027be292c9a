"""Sends publish requests to Fastly's API and to local edges.

Sources: https://www.fastly.com/documentation/reference/api/publishing/, and https://docs.fastly.com/api/ for its rate limit.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from fanroute.project.answers import TooLong, ask
from fanroute.project.fastly_client import CONNECT_TIMEOUT, NoAnswer, connect
from fanroute.project.fastly_endpoint import DEFAULT, BadSetting, api_endpoint
from fanroute.project.fastly_token import Token
from fanroute.project.folder import MAX_TEXT
from fanroute_runtime.grip.publishing import MAX_PUBLISH

# How long a request may take, with its answer, in seconds.
ANSWER_TIMEOUT = 10.0
# How long to wait before the second and the third attempt, in seconds, and the longest that the API may make us wait.
RETRY_DELAYS = (0.5, 2.0)
MAX_WAIT = 30.0
# The longest part of an answer that is shown, in characters.
MAX_SHOWN = 300

# With one of these, Fastly has certainly published nothing, and may do so later.
_LATER = (429, 503)
# With one of these, a proxy may have lost the answer of a server that has published.
_UNCLEAR = (500, 502, 504)
_NUMBER = re.compile(r"[0-9]{1,12}")
_UNKNOWN = ". It is not known if the message was published. Only with --id would it be sent again, with the same id"


class PublishFailed(Exception):
    """Reports that a message was not published, or may not have been."""


class _AttemptFailed(Exception):
    """Reports a failed attempt.

    Args:
        reason: why it failed.
        published: False if nothing was published, None if that is not known.
        may_repeat: True if another attempt may succeed.
        wait: how long the API says to wait for that, in seconds; 0.0 if it does not say.
    """

    def __init__(self, reason: str, published: bool | None, may_repeat: bool, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.published = published
        self.may_repeat = may_repeat
        self.wait = wait


@dataclass(frozen=True, slots=True)
class FastlyService:
    """Describes a service at Fastly. `api` is the API's URL without a final slash."""

    id: str
    token: Token
    api: str = DEFAULT


def check_length(body: bytes) -> None:
    """Raises PublishFailed if the body of a publish request is too long."""
    if len(body) > MAX_PUBLISH:
        raise PublishFailed(
            f"the message is too long: the publish request would have {len(body):,} bytes, and Fastly takes {MAX_PUBLISH:,}"
        )


def publish_to_fastly(service: FastlyService, body: bytes, has_id: bool, say: Callable[[str], None]) -> None:
    """Publishes an item through Fastly's API. Raises PublishFailed.

    A failed attempt is repeated if nothing was published. If that is not known, it is repeated only with an id, by which whoever
    gets the message twice can tell.

    Args:
        service: the service.
        body: that of the publish request.
        has_id: True if the item has an id.
        say: is called with a line about each attempt that is repeated.
    """
    for delay in (*RETRY_DELAYS, None):
        try:
            asyncio.run(_try_fastly(service, body))
            return
        except _AttemptFailed as failed:
            wait = failed.wait or delay or 0.0
            is_safe = failed.published is False or has_id
            if delay is None or wait > MAX_WAIT or not (failed.may_repeat and is_safe):
                unknown = "" if failed.published is False else _UNKNOWN
                raise PublishFailed(f"{failed}{unknown}") from None
            say(f"{failed}: trying again in {wait:g} s{' with the same id' if has_id else ''}")
            time.sleep(wait)


async def _try_fastly(service: FastlyService, body: bytes) -> None:
    try:
        async with connect(service.token.value, service.api, ANSWER_TIMEOUT) as client:
            answer = await client.send("POST", f"/service/{service.id}/publish/", json_body=body)
    except BadSetting as error:
        raise PublishFailed(str(error)) from None
    except NoAnswer as error:
        raise _AttemptFailed(str(error), None if error.is_sent else False, may_repeat=True) from None
    if answer.is_success and not _is_fastlys(answer):
        reason = f"{service.api} is not Fastly's API, or something on the way answers in its place: it sends a page"
        raise _AttemptFailed(reason, None, may_repeat=False)
    if not answer.is_success:
        status, wait = answer.status_code, _wait(answer)
        text = _text(answer).replace(service.token.value, "…")
        reason = f"{status}: {_refusal(service, status, wait)}{f' ({text})' if text else ''}"
        unclear = status in _UNCLEAR
        raise _AttemptFailed(reason, None if unclear else False, unclear or status in _LATER, wait)


def _is_fastlys(answer: httpx.Response) -> bool:
    """Returns True if an answer of status 2xx can be that of Fastly's API: a short text or JSON.

    Its documents have no example. A login page of a network, or of a proxy, is neither.
    """
    kind = answer.headers.get("Content-Type", "text/plain").partition(";")[0].strip().lower()
    return kind in ("text/plain", "application/json") and not answer.content.lstrip().startswith(b"<")


def _refusal(service: FastlyService, status: int, wait: float) -> str:
    """Returns what an answer of Fastly's API means, and what helps."""
    source = service.token.source
    match status:
        case 401:
            return f"Fastly does not accept the token of {source}: it is wrong, expired or revoked"
        case 403:
            needs = "the role Engineer or a higher one, the scope global, and access to this service"
            return f"the token of {source} may not publish to the service {service.id}: it needs {needs}"
        case 404:
            return f"Fastly has no service {service.id} that publishes: see service_id in fastly.toml, and enable Fanout"
        case 413:
            return "the message is too long for Fastly"
        case 429:
            return f"the token of {source} has made too many requests" + (f"; more are accepted in {wait:g} s" if wait else "")
    return "Fastly does not publish it"


def publish_locally(url: str, body: bytes) -> None:
    """Publishes an item through a local edge's publish endpoint. Raises PublishFailed."""
    try:
        answer = asyncio.run(_post_locally(url, body))
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise PublishFailed(f"no local edge runs at {url}: start one with `fanroute serve`") from None
    except (TimeoutError, httpx.TimeoutException):
        raise PublishFailed(f"{url} gives no answer within {ANSWER_TIMEOUT:g} s") from None
    except httpx.HTTPError as error:
        raise PublishFailed(f"{url} gives no answer: {str(error) or type(error).__name__}") from None
    except TooLong as error:
        raise PublishFailed(f"the answer of {url} {error}") from None
    if answer.status_code in (400, 403):
        raise PublishFailed(f"{url} refuses the message with {answer.status_code}: {_text(answer)}")
    if answer.status_code != 200 or answer.content != b"Published\n":
        raise PublishFailed(f"{url} is no publish endpoint: another program listens there, and answers {answer.status_code}")


async def _post_locally(url: str, body: bytes) -> httpx.Response:
    timeout = httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT)
    # A proxy that the environment names is not for this machine.
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        return await ask(client, client.build_request("POST", url, content=body), ANSWER_TIMEOUT, MAX_TEXT)


def fastly_url(environment: Mapping[str, str]) -> str:
    """Returns the URL of Fastly's API. Raises PublishFailed if the token cannot be sent there."""
    try:
        return api_endpoint(environment)
    except BadSetting as error:
        raise PublishFailed(str(error)) from None


def _wait(answer: httpx.Response) -> float:
    """Returns how long the API says to wait, in seconds, or 0.0 if it does not say."""
    after, reset = answer.headers.get("Retry-After", ""), answer.headers.get("Fastly-RateLimit-Reset", "")
    if _NUMBER.fullmatch(after):
        return float(after)
    if answer.status_code == 429 and _NUMBER.fullmatch(reset):
        return max(0.0, round(float(reset) - time.time()))
    return 0.0


def _text(answer: httpx.Response) -> str:
    """Returns what an answer says: `msg` and `detail` of Fastly's JSON, or its first line."""
    try:
        said = json.loads(answer.content)
        texts = [str(said[key]) for key in ("msg", "detail") if said.get(key)]
    except (ValueError, AttributeError, RecursionError):
        texts = answer.content.decode(errors="replace").strip().splitlines()[:1]
    return ": ".join(texts)[:MAX_SHOWN]
