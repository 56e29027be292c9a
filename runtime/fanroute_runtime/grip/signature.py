"""Verifies Grip-Sig: a header with a JWT, with which Fanout proves that a request comes from it.

Source: https://pushpin.org/docs/protocols/grip/ and https://www.fastly.com/documentation/guides/concepts/real-time-messaging/fanout/
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fanroute_runtime.jose import native
from fanroute_runtime.jose.jwt import BadToken, Token, parse, require_current
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.jose.limbs import MET, TOKEN_ALGORITHMS, TOKEN_HEADER
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import GripSig, Key, StoreEntry

HEADER = "grip-sig"
# A header that Pushpin sends even if it signs nothing.
FEATURES = "grip-feature"
# The accepted difference between the clocks of Fanout and the edge, in seconds.
LEEWAY = 30

# The key of Fastly's Fanout, and the issuer that it names to a service, by the service's id.
FASTLY_KEY = Key(
    "ES256",
    b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECKo5A1ebyFcnmVV8SE5On+8G81Jy
BjSvcrx4VLetWCjuDAmppTo3xM/zz763COTCgHfp/6lPdCyYjjqc+GM7sw==
-----END PUBLIC KEY-----
""",
)
FASTLY_ISSUER = "fastly:{}"

# The sender of a request: a client, the Fanout of this service, a GRIP proxy of the user, or one of these two unverified.
Sender = Literal["client", "fanout", "proxy", "unverified"]

# The key with which the GRIP proxies of local edges sign.
LOCAL_KEY = Key("HS256", StoreEntry("config", LOCAL_STORE, "grip_sig_key"), issuer="viceroy")


@dataclass(slots=True)
class Signer:
    """Represents who may sign a Grip-Sig: an issuer with a key, and the sender that this makes.

    `claims_end` is the JSON of the issuer's claims behind the time, as Fanout writes it. `native_key` is the key as the native
    module needs it, or b"" as long as it was not read from its store.
    """

    issuer: str
    key: Key
    sender: Sender
    claims_end: bytes
    native_key: bytes


# Fanout does not escape the characters of other languages, either.
_to_json = json.JSONEncoder(ensure_ascii=False).encode


class Signatures:
    """Distinguishes requests of Fanout from those of clients, as a Plan says."""

    def __init__(self, grip_sig: GripSig) -> None:
        self._check = grip_sig.check
        self._keys = Keys((FASTLY_KEY, *grip_sig.keys) if grip_sig.check == "verify" else ())
        # What is known at build time of signers other than Fastly's. The first of them signs on local edges only.
        users: list[tuple[str, Key, Sender]] = [(key.issuer, key, "proxy") for key in grip_sig.keys]
        self._others = [self._facts(*each) for each in ((LOCAL_KEY.issuer, LOCAL_KEY, "fanout"), *users)]
        # A sandbox belongs to one service as long as it lives.
        self._known_signers = lru_cache(1)(self._signers)

    def identify_sender(self, request: Request) -> Sender:
        """Returns the sender of a request. Raises Refused (403) if its Grip-Sig is invalid."""
        if self._check == "none":
            return "client" if request.header(FEATURES) is None else "unverified"
        signatures = request.values(HEADER)
        if len(signatures) > 1:
            # A backend could read another one than the edge verified.
            raise Refused(403, "The Grip-Sig is refused: there is more than one.")
        if not signatures:
            return "client"
        if self._check == "present":
            return "unverified"
        try:
            return self._verify_natively(signatures[0], request) or self._verify_sender(parse(signatures[0]), request)
        except BadToken as bad:
            raise Refused(403, f"The Grip-Sig is refused: {bad}.") from bad

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox."""
        self._keys.forget()
        self._known_signers.cache_clear()

    def _verify_natively(self, token: bytes, request: Request) -> Sender | None:
        """Returns the sender of a valid token in the form that Fanout sends. Returns None for others, so that Python decides.

        It does what `_verify_sender` does, in the same order. Raises Refused (500) if a key is not in its store.
        """
        algorithm = TOKEN_ALGORITHMS.get(token[:TOKEN_HEADER])
        if algorithm is None or not native.LINKED:
            return None
        for signer in self._known_signers(request.service_id()):
            if signer.key.algorithm != algorithm:
                continue
            form = token, algorithm, signer.claims_end
            if not signer.native_key and native.expiry(*form):
                signer.native_key = self._keys.native_key(signer.key, request)
            if signer.native_key and (expiry := native.verify_token(*form, signer.native_key)):
                return None if expiry == MET or request.now() >= expiry + LEEWAY else signer.sender
        return None

    def _verify_sender(self, token: Token, request: Request) -> Sender:
        """Verifies a token, and returns its sender. Raises BadToken."""
        issuer = token.claims.get("iss")
        signers = [signer for signer in self._known_signers(request.service_id()) if signer.issuer == issuer]
        key = self._keys.find_signer(token, [signer.key for signer in signers], request)
        require_current(token.claims, request.now(), LEEWAY)
        return next(signer.sender for signer in signers if signer.key == key)

    def _signers(self, service: str) -> list[Signer]:
        """Returns who may sign a Grip-Sig for a service: its Fanout first."""
        fastlys = self._facts(FASTLY_ISSUER.format(service), FASTLY_KEY, "fanout")
        others = self._others if service == LOCAL_SERVICE else self._others[1:]
        return [Signer(*each) for each in (fastlys, *others)]

    def _facts(self, issuer: str, key: Key, sender: Sender) -> tuple[str, Key, Sender, bytes, bytes]:
        return issuer, key, sender, b',"iss":%b}' % _to_json(issuer).encode(), self._keys.known_native_key(key)
