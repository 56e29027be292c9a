"""Measures what the bytes of a component or core module are for: code, data and the rest.

    .venv/bin/python -m bench.profiling.sections COMPONENT

Prints JSON. profiles.py imports it.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

# Numbers of sections. Source: the WebAssembly core specification, 5.5.2, and the component model's Binary.md.
CODE, DATA = 10, 11
MODULE, COMPONENT = 1, 4


def section_sizes(wasm: bytes) -> dict[str, int]:
    """Returns the bytes of code, data and the rest in a component or module, and the number of its core modules."""
    contents: dict[str, list[bytes]] = {"code": [], "data": []}
    modules = 0
    for module in _core_modules(wasm):
        modules += 1
        for number, content in _sections(module):
            if number in (CODE, DATA):
                contents["code" if number == CODE else "data"].append(content)
    sizes = {"modules": modules}
    for kind, sections in contents.items():
        joined = b"".join(sections)
        sizes |= {kind: len(joined), f"{kind}_gzip": len(gzip.compress(joined, 9, mtime=0))}
    return {**sizes, "rest": len(wasm) - sizes["code"] - sizes["data"]}


def _core_modules(wasm: bytes) -> Iterator[bytes]:
    """Yields a core module itself, or those in a component and in its components."""
    if wasm[4:8] == b"\x01\0\0\0":
        yield wasm
        return
    for number, content in _sections(wasm):
        if number in (MODULE, COMPONENT):
            yield from _core_modules(content)


def _sections(wasm: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the number and the content of each section."""
    offset = 8
    while offset < len(wasm):
        number, size, shift = wasm[offset], 0, 0
        # The size is an unsigned LEB128 number.
        while True:
            offset += 1
            size |= (wasm[offset] & 0x7F) << shift
            shift += 7
            if wasm[offset] < 0x80:
                break
        yield number, wasm[offset + 1 : offset + 1 + size]
        offset += 1 + size


if __name__ == "__main__":
    print(json.dumps(section_sizes(Path(sys.argv[1]).read_bytes()), indent=1))  # noqa: T201
