"""Adds the addresses of a starter kit's backends, which its fastly.toml names, to a draft. Pure."""

import tomllib
from typing import Any
from urllib.parse import urlsplit

from fanroute.foreign.draft import Data, Draft
from fanroute.foreign.servers import backend_data, server_of


def add_addresses(draft: Draft, manifest: str) -> None:
    """Adds what `setup.backends` and `local_server.backends` say. A file that cannot be read changes nothing."""
    try:
        data = tomllib.loads(manifest)
    except (ValueError, RecursionError):
        return
    setup, local = (_table(data, key, "backends") for key in ("setup", "local_server"))
    for name, part in draft.backends.items():
        if "loopback" in part.data:
            continue
        address = _table(setup, name).get("address")
        if isinstance(address, str) and (url := _url(f"https://{address}:{_table(setup, name).get('port', 443)}", name)):
            part.data["url"] = url
            part.remarks.clear()
        url = _table(local, name).get("url")
        if isinstance(url, str) and _is_server(url):
            part.data["local"] = url.removesuffix("/")


def _table(data: Any, *keys: str) -> Data:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _url(address: str, name: str) -> str | None:
    """Returns the URL of a public server, None for any other."""
    server = server_of(address)
    data = backend_data(*server, name) if server else None
    return None if data is None or "local" in data else data["url"]


def _is_server(url: str) -> bool:
    parts = urlsplit(url) if server_of(url) else None
    return parts is not None and parts.path in ("", "/") and not parts.query and not parts.fragment
