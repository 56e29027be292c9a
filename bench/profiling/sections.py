"""What the bytes of a component or module are for.

.venv/bin/python -m bench.profiling.sections COMPONENT
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

# Numbers of sections. Source: the WebAssembly core specification, 5.5.2, and the component model's Binary.md.
CODE, DATA, CUSTOM = 10, 11, 0
MODULE, COMPONENT = 1, 4


def sections(wasm: bytes) -> dict[str, int]:
    """Bytes of code, data and the rest in a component or module, and how many core modules there are."""
    found: dict[str, list[bytes]] = {"code": [], "data": []}
    modules = 0
    for module in _modules(wasm):
        modules += 1
        for number, content in _sections(module):
            if number in (CODE, DATA):
                found["code" if number == CODE else "data"].append(content)
    told = {"modules": modules}
    for kind, contents in found.items():
        joined = b"".join(contents)
        told |= {kind: len(joined), f"{kind}_gzip": len(gzip.compress(joined, 9, mtime=0))}
    return {**told, "rest": len(wasm) - told["code"] - told["data"]}


def _modules(wasm: bytes) -> Iterator[bytes]:
    """The core modules in it."""
    if wasm[4:8] == b"\x01\0\0\0":
        yield wasm
        return
    for number, content in _sections(wasm):
        if number in (MODULE, COMPONENT):
            yield from _modules(content)


def _sections(wasm: bytes) -> Iterator[tuple[int, bytes]]:
    at = 8
    while at < len(wasm):
        number, size, shift = wasm[at], 0, 0
        while True:
            at += 1
            size |= (wasm[at] & 0x7F) << shift
            shift += 7
            if wasm[at] < 0x80:
                break
        yield number, wasm[at + 1 : at + 1 + size]
        at += 1 + size


if __name__ == "__main__":
    print(json.dumps(sections(Path(sys.argv[1]).read_bytes()), indent=1))  # noqa: T201
