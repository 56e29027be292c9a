"""Verifies Grip-Sig: a header with a JWT, with which Fanout proves that a request comes from it.

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


class Signatures:
    """Distinguishes requests of Fanout from those of clients, as a Plan says."""

    def __init__(self, grip_sig: GripSig) -> None:
        self._check = grip_sig.check
        self._user_keys = grip_sig.keys
        self._keys = Keys((FASTLY_KEY, *grip_sig.keys) if grip_sig.check == "verify" else ())
        # A sandbox belongs to one service as long as it lives.
        self._known_issuers = lru_cache(1)(self._issuers)

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
            return self._verify_sender(parse(signatures[0]), request)
        except BadToken as bad:
            raise Refused(403, f"The Grip-Sig is refused: {bad}.") from bad

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox."""
        self._keys.forget()
        self._known_issuers.cache_clear()

    def _verify_sender(self, token: Token, request: Request) -> Sender:
        """Verifies a token, and returns its sender. Raises BadToken."""
        issuer = token.claims.get("iss")
        own = [key for name, key in self._known_issuers(request.service_id()) if name == issuer]
        users = [key for key in self._user_keys if key.issuer == issuer]
        key = self._keys.find_signer(token, (*own, *users), request)
        require_current(token.claims, request.now(), LEEWAY)
        return "fanout" if key in own else "proxy"

    def _issuers(self, service: str) -> list[tuple[str, Key]]:
        """Returns the issuers and keys with which the Fanout of a service signs."""
        fastlys = (FASTLY_ISSUER.format(service), FASTLY_KEY)
        return [fastlys, (LOCAL_KEY.issuer, LOCAL_KEY)] if service == LOCAL_SERVICE else [fastlys]
