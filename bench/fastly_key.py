"""Builds components that trust another key in place of Fastly's, because only Fastly can sign with Fastly's own.

    .venv/bin/python -m bench.fastly_key PEM [--no-flatten]

Builds the folder's routes.yaml with the public key of the file PEM. The tests use `replaced_by`, too.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from fanroute.bundle import builder
from fanroute.native import second_pass
from fanroute.project.workspace import Workspace
from fanroute_runtime.grip import signature
from fanroute_runtime.plan import Key


@contextmanager
def replaced_by(pem: bytes) -> Iterator[None]:
    """Replaces Fastly's key by a public P-256 key in PEM, in what is built meanwhile."""
    sources, module = builder.runtime_sources(), signature.__name__
    assert isinstance(signature.FASTLY_KEY.material, bytes)
    fastlys = signature.FASTLY_KEY.material.decode()
    assert sources[module].count(fastlys) == 1
    # Python's code has the key as text, and the native module gets it from `second_pass`.
    sources[module] = sources[module].replace(fastlys, pem.decode())
    key = Key(signature.FASTLY_KEY.algorithm, pem)
    with (
        patch.object(builder, "runtime_sources", lambda: sources),
        patch.object(signature, "FASTLY_KEY", key),
        patch.object(second_pass, "FASTLY_KEY", key),
    ):
        yield


if __name__ == "__main__":
    with replaced_by(Path(sys.argv[1]).read_bytes()):
        builder.build(Workspace(Path("routes.yaml")), print, "--no-flatten" not in sys.argv)
