"""Grip-Sig: the header by which Fanout shows that a request comes from it, a JWT.

Source: https://pushpin.org/docs/protocols/grip/ and https://www.fastly.com/documentation/guides/concepts/real-time-messaging/fanout/
"""

from functools import lru_cache
from typing import Literal

from fanroute_runtime.jose.jwt import BadToken, Token, parse, require_current
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import GripSig, Key, StoreEntry

HEADER = "grip-sig"
# What a Pushpin that signs nothing sends too.
FEATURES = "grip-feature"
# How far Fanout's clock may be ahead of or behind the edge's, in seconds.
LEEWAY = 30

# The key of Fastly's Fanout, and who it says that it is to a service, by the service's id.
FASTLY_KEY = Key(
    "ES256",
    b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECKo5A1ebyFcnmVV8SE5On+8G81Jy
BjSvcrx4VLetWCjuDAmppTo3xM/zz763COTCgHfp/6lPdCyYjjqc+GM7sw==
-----END PUBLIC KEY-----
""",
)
FASTLY_ISSUER = "fastly:{}"

# Who sends a request: a client; this service's own Fanout; a GRIP proxy of the user's; or one of these two, unverified.
Sender = Literal["client", "fanout", "proxy", "unverified"]

# The key that the proxies of local edges sign with.
LOCAL_KEY = Key("HS256", StoreEntry("config", LOCAL_STORE, "grip_sig_key"), issuer="viceroy")


class Signatures:
    """Tells Fanout's requests from clients', as a Plan says."""

    def __init__(self, grip_sig: GripSig) -> None:
        self._check = grip_sig.check
        self._user_keys = grip_sig.keys
        self._keys = Keys((FASTLY_KEY, *grip_sig.keys) if grip_sig.check == "verify" else ())
        # A sandbox is of one service as long as it lives.
        self._known_issuers = lru_cache(1)(self._issuers)

    def identify_sender(self, request: Request) -> Sender:
        """Tells who sends a request. Raises Refused (403) for one that says that it is Fanout's and is not."""
        if self._check == "none":
            return "client" if request.header(FEATURES) is None else "unverified"
        signatures = request.values(HEADER)
        if len(signatures) > 1:
            # A backend could go by another one than was verified here.
            raise Refused(403, "The Grip-Sig is refused: there is more than one.")
        if not signatures:
            return "client"
        if self._check == "present":
            return "unverified"
        try:
            return self._verify_sender(parse(signatures[0]), request)
        except BadToken as bad:
            raise Refused(403, f"The Grip-Sig is refused: {bad}.") from bad

    def forget(self) -> None:
        """Forget what the host has told, as a new sandbox has."""
        self._keys.forget()
        self._known_issuers.cache_clear()

    def _verify_sender(self, token: Token, request: Request) -> Sender:
        """Raises BadToken."""
        issuer = token.claims.get("iss")
        own = [key for name, key in self._known_issuers(request.service_id()) if name == issuer]
        users = [key for key in self._user_keys if key.issuer == issuer]
        key = self._keys.find_signer(token, (*own, *users), request)
        require_current(token.claims, request.now(), LEEWAY)
        return "fanout" if key in own else "proxy"

    def _issuers(self, service: str) -> list[tuple[str, Key]]:
        """Returns the names and keys by which a service's own Fanout signs."""
        fastlys = (FASTLY_ISSUER.format(service), FASTLY_KEY)
        return [fastlys, (LOCAL_KEY.issuer, LOCAL_KEY)] if service == LOCAL_SERVICE else [fastlys]
