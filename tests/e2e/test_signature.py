"""Grip-Sig: a real second pass is accepted, and a forged one is not."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fanroute.devserver.pushpin import find_newest
from fanroute.plan.signing import DEV_KEY
from fanroute.project.cache import cache_folder
from tests.conftest import GRIP_SIG, OWN_HOST
from tests.e2e.conftest import Edge, older_pushpin, on_an_older_one_too, running
from tests.e2e.origin import Origin
from tests.support.tampering import deep
from tests.support.tokens import by_hand
from tests.unit.runtime.grip.test_signature import FASTLYS, PUBLIC, confused, unsigned

VICEROY = {"iss": "viceroy", "exp": 4_102_444_800}
FORGED = {
    "empty": "",
    "a word": "present",
    "cut": GRIP_SIG[:-1],
    "another secret": jwt.encode({"iss": "viceroy", "exp": 4_102_444_800}, "x" * 32, "HS256"),
    "another issuer": jwt.encode({"iss": "fastly:0000000000000000000000", "exp": 4_102_444_800}, "x" * 32, "HS256"),
    "expired": jwt.encode({"iss": "viceroy", "exp": 1_700_000_000}, "viceroy_dev_signing_key_dont_use_in_production", "HS256"),
    "no signature": unsigned({"alg": "none"}, {"iss": "viceroy", "exp": 4_102_444_800}),
    "a public key as a secret": confused(PUBLIC),
    "Fastly's, expired": FASTLYS,
    "deep claims": by_hand({"alg": "HS256"}, deep(VICEROY, "[", "]")).decode(),
    "deep claims that were signed": by_hand({"alg": "HS256"}, deep(VICEROY, "[", "]"), DEV_KEY.encode()).decode(),
    "a deep header": by_hand(deep({"alg": "HS256"}, "[", "]"), VICEROY).decode(),
}
# Paths that the edge answers itself, hands off to the origin, and answers at once.
ASKED = [("/test/stream", OWN_HOST), ("/x", "www.example.com"), ("/test/other", OWN_HOST)]


@on_an_older_one_too
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_signature_goes_nowhere(edge: Edge, origin: Origin, name: str) -> None:
    for target, host in ASKED:
        answer = edge.request("GET", target, host, headers={"Grip-Sig": FORGED[name]})
        assert answer.status_code == 403, answer.text
        assert answer.text.startswith("The Grip-Sig is refused: ")
        assert not [header for header in answer.headers if header.startswith("grip-")]


@on_an_older_one_too
@pytest.mark.parametrize("given", [(GRIP_SIG, GRIP_SIG), (GRIP_SIG, "present"), ("", GRIP_SIG), (f"{GRIP_SIG}, {GRIP_SIG}",)])
def test_more_than_one_signature_goes_nowhere(edge: Edge, given: tuple[str, ...]) -> None:
    for target, host in ASKED:
        answer = edge.request("GET", target, host, headers=[("Grip-Sig", value) for value in given])
        assert answer.status_code == 403
        assert answer.text.startswith("The Grip-Sig is refused: ")


KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
ISSUER = "proxy"
ROUTES = f"""\
version: 1
service: {{name: signed}}
backends:
  self: {{loopback: true}}
fanout:
  keys: {{issuer: "{ISSUER}", algorithm: ES256, file: key.pem}}
routes:
  - match: {{path: /events}}
    sse: {{channel: news}}
"""
# Starts a Pushpin that signs with ES256 and a key of its own.
PUSHPIN = """\
#!/bin/sh
case "$1" in
    --config=*) sed -i 's|^sig_iss=.*|sig_iss={issuer}|; s|^sig_key=.*|sig_key=file:{key}|' "${{1#--config=}}" ;;
esac
exec {pushpin} "$@"
"""


@pytest.fixture(params=["newest", "older"])
def pushpin(request: pytest.FixtureRequest) -> Path:
    """The Pushpin to start."""
    if request.param == "older":
        return older_pushpin()
    found = find_newest(cache_folder())
    assert found is not None
    return found.program


@pytest.fixture(params=[KEY, OTHER_KEY], ids=["its key", "another key"])
def signing_edge(request: pytest.FixtureRequest, tmp_path: Path, pushpin: Path) -> Iterator[Edge]:
    """Viceroy behind such a Pushpin, which signs with one of two keys."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "key.pem").write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    private = tmp_path / "private.pem"
    private.write_bytes(request.param.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    wrapper = tmp_path / "pushpin"
    wrapper.write_text(PUSHPIN.format(issuer=ISSUER, key=private, pushpin=pushpin))
    wrapper.chmod(0o700)
    with running("viceroy", tmp_path, FANROUTE_PUSHPIN=str(wrapper)) as edge:
        yield edge


@pytest.mark.viceroy
def test_a_proxys_es256_is_verified(signing_edge: Edge, request: pytest.FixtureRequest) -> None:
    """By a real handoff: client, Viceroy, Pushpin, Viceroy."""
    with httpx.stream("GET", f"{signing_edge.url}/events", trust_env=False) as answer:
        if request.node.callspec.params["signing_edge"] is OTHER_KEY:
            assert answer.status_code == 403
            assert answer.read() == b"The Grip-Sig is refused: it is not signed with a key that the edge knows.\n"
            return
        assert answer.status_code == 200
        lines = answer.iter_lines()
        signing_edge.publish("news", http_stream={"content": "data: signed\n\n"})
        assert next(line for line in lines if line) == "data: signed"
    forged = httpx.get(f"{signing_edge.url}/events", headers={"Grip-Sig": GRIP_SIG[:-1]}, trust_env=False)
    assert forged.status_code == 403
