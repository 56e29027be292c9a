"""Faults of GRIP libraries that docs/origins.md names, shown with the versions that examples/origins pin.

If a test fails, a new version has mended the fault: correct the docs, and the example that avoids it.
"""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from fanroute.plan.signing import DEV_KEY, sign_token
from tests.support.origins import copied_example
from tests.support.tokens import EC, private, public

pytestmark = pytest.mark.slow

FOREVER = 4_102_444_800  # the year 2100
GOOD = sign_token({"exp": FOREVER, "iss": "viceroy"}, DEV_KEY.encode()).decode()
OF_ANOTHER_ISSUER = sign_token({"exp": FOREVER, "iss": "other"}, DEV_KEY.encode()).decode()
OF_ANOTHER_KEY = sign_token({"exp": FOREVER, "iss": "viceroy"}, b"another key, which is long enough for HS256").decode()
WITHOUT_A_TIME = sign_token({"iss": "viceroy"}, DEV_KEY.encode()).decode()

DJANGO = """\
import json, sys
import django
from django.conf import settings

url, *signatures = sys.argv[1:]
settings.configure(GRIP_URL=url)
django.setup()
from django.http import HttpResponse
from django.test import RequestFactory
from django_grip import GripMiddleware

def view(request):
    if request.wscontext:
        request.wscontext.accept()
        request.wscontext.close()
        return HttpResponse()
    return HttpResponse(json.dumps([request.grip.proxied, request.grip.signed]))
"""
NODE = """\
import { WebSocketContext, WebSocketEvent } from '@fanoutio/grip';
import { ServeGrip } from '@fanoutio/serve-grip';
const [url, ...signatures] = process.argv.slice(2);
"""


def printed(framework: str, code: str, folder: Path, *arguments: str) -> Any:
    """Runs a program with the libraries of an example. Returns the JSON that it prints."""
    example = copied_example(framework, folder / "example")
    name, program = ("program.mjs", "node") if framework == "express" else ("program.py", "python")
    (example.folder / name).write_text(code)
    done = example.run([*example.command(program, 0), name, *arguments], "")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_gripcontrol_accepts_any_issuer_unless_it_gets_one(tmp_path: Path) -> None:
    code = """\
import json, sys
from gripcontrol import validate_sig
key, *signatures = sys.argv[1:]
print(json.dumps([[validate_sig(each, key), validate_sig(each, key, "viceroy")] for each in signatures]))
"""
    accepted = printed("flask", code, tmp_path, DEV_KEY, GOOD, OF_ANOTHER_ISSUER, OF_ANOTHER_KEY)
    assert accepted == [[True, True], [True, False], [False, False]]


def test_gripcontrol_refuses_fastlys_signatures_without_cryptography(tmp_path: Path) -> None:
    code = """\
import json, sys
key, signature, there = sys.argv[1:]
if there == "no":
    sys.modules["cryptography"] = None  # as if it was not installed
from gripcontrol import validate_sig
print(json.dumps(validate_sig(signature, key)))
"""
    signature = jwt.encode({"exp": FOREVER, "iss": "fastly:SU1Z"}, private(EC), "ES256")
    answers = [printed("flask", code, tmp_path / there, public(EC).decode(), signature, there) for there in ("yes", "no")]
    assert answers == [True, False]


def test_gripcontrol_closes_with_0_if_it_gets_no_code(tmp_path: Path) -> None:
    code = """\
import json
from gripcontrol import WebSocketContext
context = WebSocketContext("1", {}, [])
context.close()
print(json.dumps(context.out_close_code))
"""
    assert printed("flask", code, tmp_path) == 0


def test_gripcontrol_answers_a_ping_only_if_it_is_asked_for_a_message(tmp_path: Path) -> None:
    code = """\
import json
from gripcontrol import WebSocketContext, WebSocketEvent
context = WebSocketContext("1", {}, [WebSocketEvent("PING", b"a")])
before = len(context.out_events)
context.can_recv()
print(json.dumps([before, [[event.type, event.content.decode()] for event in context.out_events]]))
"""
    assert printed("flask", code, tmp_path) == [0, [["PONG", "a"]]]


@pytest.mark.parametrize(
    ("parameters", "answered"),
    [
        (f"key={DEV_KEY}&verify-iss=viceroy&verify-key={DEV_KEY}", [[True, True], [False, False], [False, False]]),
        (f"verify-iss=viceroy&verify-key={DEV_KEY}", ["KeyError"] * 3),
        # It takes requests for Fanout's with any Grip-Sig.
        ("verify-iss=viceroy", [[True, False]] * 3),
        # `key` stands in for `verify-key`.
        (f"key={DEV_KEY}", [[True, True], [True, True], [False, False]]),
    ],
    ids=["as grip-url prints it", "without key", "verify-iss alone", "key alone"],
)
def test_django_grip_and_its_configuration(parameters: str, answered: list[Any], tmp_path: Path) -> None:
    """Tests whether requests with several values of Grip-Sig count as from Fanout, and as signed."""
    code = f"""{DJANGO}
def tried(signature):
    try:
        return json.loads(GripMiddleware(view)(RequestFactory().get("/", HTTP_GRIP_SIG=signature)).content)
    except Exception as error:
        return type(error).__name__

print(json.dumps([tried(signature) for signature in signatures]))
"""
    url = f"http://127.0.0.1/?{parameters}"
    assert printed("django", code, tmp_path, url, GOOD, OF_ANOTHER_ISSUER, OF_ANOTHER_KEY) == answered


def test_django_grip_closes_with_0_if_it_gets_no_code(tmp_path: Path) -> None:
    code = f"""{DJANGO}
opened = RequestFactory().post("/", b"OPEN\\r\\n", "application/websocket-events", HTTP_CONNECTION_ID="1")
print(json.dumps(GripMiddleware(view)(opened).content.decode()))
"""
    assert printed("django", code, tmp_path, "http://127.0.0.1/") == "OPEN\r\nCLOSE 2\r\n\0\0\r\n"


def test_serve_grip_takes_any_signature_for_good(tmp_path: Path) -> None:
    """Its publisher does not."""
    code = f"""{NODE}
const serveGrip = new ServeGrip({{ grip: url }});
const answers = [];
for (const signature of signatures) {{
    const request = {{ headers: {{ 'grip-sig': signature }} }};
    await serveGrip.run(request, {{}});
    answers.push([request.grip.isSigned, (await serveGrip.getPublisher().validateGripSig(signature)).isSigned]);
}}
console.log(JSON.stringify(answers));
"""
    url = f"http://127.0.0.1/?verify-iss=viceroy&verify-key={DEV_KEY}"
    given = [GOOD, OF_ANOTHER_ISSUER, OF_ANOTHER_KEY, "x", WITHOUT_A_TIME]
    assert printed("express", code, tmp_path, url, *given) == [
        [True, True],
        [True, False],
        [True, False],
        [True, False],
        # The publisher takes one that never expires. gripcontrol does not.
        [True, True],
    ]


def test_grip_for_javascript_answers_a_ping_late_and_without_its_content(tmp_path: Path) -> None:
    code = f"""{NODE}
const text = new WebSocketEvent('TEXT', 'x');
const context = new WebSocketContext('1', {{}}, [new WebSocketEvent('PING', 'a'), text, new WebSocketEvent('PING', 'b')]);
while (context.canRecv()) {{
    context.recv();
}}
console.log(JSON.stringify(context.getOutgoingEvents().map(({{ type, content }}) => [type, content])));
"""
    assert printed("express", code, tmp_path) == [["PONG", None]]


def test_grip_for_javascript_closes_with_0_if_it_gets_no_code(tmp_path: Path) -> None:
    code = f"""{NODE}
const context = new WebSocketContext('1', {{}}, []);
context.close();
console.log(JSON.stringify(context.getOutgoingEvents().map(({{ type, content }}) => [type, ...content])));
"""
    assert printed("express", code, tmp_path) == [["CLOSE", 0, 0]]
