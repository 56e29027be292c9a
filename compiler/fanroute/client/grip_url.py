"""Writes the GRIP_URL with which a server's GRIP library publishes, and checks Grip-Sig. Pure.

A library reads these parameters of the URL: `key` is what it sends to publish (`Authorization: Bearer KEY`), and `verify-iss`
and `verify-key` say who may have signed a Grip-Sig. A key after `base64:` is in base64, which may be that of a PEM file.
Sources: gripcontrol 4.4.0 (`parse_grip_uri`), django-grip 3.5.2, and version 4.3.0 of @fanoutio/grip (`parseGripUri`, `loadKey`).
"""

import base64
from urllib.parse import urlencode

from fanroute.plan.signing import DEV_KEY
from fanroute_runtime.grip.signature import FASTLY_ISSUER, FASTLY_KEY, LOCAL_KEY

# Stands for the token of Fastly's API, which is never part of the URL. A shell puts the variable's value there.
TOKEN = "$FASTLY_API_TOKEN"


def local_grip_url(publish_url: str) -> str:
    """Returns the GRIP_URL of a local edge with a publish URL that ends in `/publish/`.

    A local edge ignores `key`. But without it, django-grip answers 500 to each request that has a Grip-Sig.
    """
    return _grip_url(publish_url.removesuffix("publish/"), DEV_KEY, LOCAL_KEY.issuer, DEV_KEY)


def fastly_grip_url(service: str, api: str) -> str:
    """Returns the GRIP_URL of a service at Fastly, with TOKEN in place of the API's token.

    Args:
        service: the service's id.
        api: the URL of Fastly's API, without a final slash.
    """
    assert isinstance(FASTLY_KEY.material, bytes)
    key = f"base64:{base64.b64encode(FASTLY_KEY.material).decode()}"
    return _grip_url(f"{api}/service/{service}", TOKEN, FASTLY_ISSUER.format(service), key)


def _grip_url(control_url: str, key: str, verify_iss: str, verify_key: str) -> str:
    """Returns a GRIP_URL. Both libraries add `/publish/` to its path."""
    parameters = {"key": key, "verify-iss": verify_iss, "verify-key": verify_key}
    return f"{control_url}?{urlencode(parameters, safe='$:')}"
