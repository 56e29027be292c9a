"""What checking an ES256 signature costs inside a component, in many ways, side by side in this run: docs/es256.md.

.venv/bin/python -m bench.studies.es256 [ROUNDS [NAME...]]

All is CPU time, the kernel's included. Warm is many checks in one sandbox, the best of the rounds and the median; cold is the
first check in a new sandbox, more than a call that does nothing there; load is a late key's tables and a check with them; gzip
is what the component grows by, in bytes. In a round all ways take turns.
"""

import gzip
import re
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import thread_time
from typing import Any

import jwt
import wasmtime
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wasmtime.component import Component, Linker

from fanroute.bundle import toolchain
from fanroute.project import processes
from fanroute.project.workspace import runtime_sources

WIT = """\
package fanroute:bench;
world bench {
  export run: func(name: string, count: u32) -> bool;
}
"""
APP = """\
import wit_world
from hashlib import sha256
{setup}
CALLS["nothing"] = lambda: True
for call in CALLS.values():
    assert call()

class WitWorld(wit_world.WitWorld):
    def run(self, name, count):
        call = CALLS[name]
        return all([call() for _ in range(count)])
"""
ES256 = """\
from fanroute_runtime import es256, p256
from es256_alternatives import *
POINT = es256._point(KEY)
{tables}
CALLS = {{"verify": lambda: verify(SIGNED, SIGNATURE)}}
assert not verify(SIGNED + b"x", SIGNATURE)
"""
# For a key that comes with the sandbox: `load` is its tables and the first check with them.
LATE = """
CALLS["load"] = lambda: make()(SIGNED, SIGNATURE)
"""


def built(generator: str, key: str, adder: str = "p256.x_of_sum") -> str:
    return ES256.format(tables=f"verify = verifier({generator}, {key}, {adder})")


def late(key: str, adder: str = "p256.x_of_sum") -> str:
    tables = f"make = lambda: verifier(p256.GENERATOR, {key}, {adder})\nverify = make()"
    return ES256.format(tables=tables) + LATE


def windows(width: int, signed: bool, adder: str = "jacobian") -> str:
    table = f"Windows({{}}, {width}, {signed})"
    return built(table.format("p256.GENERATOR.point"), table.format("POINT"), adder)


def comb(adder: str = "p256.x_of_sum") -> str:
    return built("p256.GENERATOR", "Comb(POINT, p256.MANY_TEETH)", adder)


def unpacked(adder: str = "p256.x_of_sum") -> str:
    table = "UnpackedComb({}, TEETH)"
    return built(table.format("p256.GENERATOR.point"), table.format("POINT"), adder)


# By name: rows, columns and teeth of `p256`, and what else is at import.
SMALL = (24, 11, 1)
WAYS: dict[str, tuple[tuple[int, int, int], str]] = {
    "windows of 8 bits, Jacobian": (SMALL, windows(8, False)),
    "windows of 8 bits, XYZZ": (SMALL, windows(8, False, "p256.x_of_sum")),
    **{f"signed windows of {width} bits, XYZZ": (SMALL, windows(width, True, "p256.x_of_sum")) for width in (4, 5, 6, 7, 8)},
    "comb of 2 × 12 teeth, tuples, Jacobian": (SMALL, "TEETH = 12\n" + unpacked("jacobian")),
    "comb of 2 × 12 teeth, tuples": (SMALL, "TEETH = 12\n" + unpacked()),
    "comb of 2 × 12 teeth": ((24, 11, 12), comb()),
    "comb of 2 × 12 teeth, in pairs": ((24, 11, 12), comb("in_pairs")),
    "comb of 2 × 11 teeth": ((22, 12, 11), comb()),
    "comb of 2 × 10 teeth": ((20, 13, 10), comb()),
    "comb of 3 × 8 teeth": ((24, 11, 8), comb()),
    "comb of 4 × 6 teeth": ((24, 11, 6), comb()),
    "2 × 12 teeth, the key's 3 × 8": ((24, 11, 12), built("p256.GENERATOR", "Comb(POINT, 8)")),
    **{f"late key, {24 // teeth} × {teeth} teeth": ((24, 11, 12), late(f"Comb(POINT, {teeth})")) for teeth in (2, 3, 4, 6, 8)},
    "late key, sliding windows of 5 bits": ((24, 11, 12), late("SlidingWindows(POINT)", "with_sliding_windows")),
}
OPERATIONS = {
    "a * b": "a * b",
    "a * a": "a * a",
    "c % p": "c % p",
    "c % p by folding at 2**288": "folded(c)",
    "c % p by words (FIPS 186-4, D.2.3)": "by_words(c)",
    "pow(a, -1, n)": "pow(a, -1, n)",
    "pow(a, n - 2, n)": "pow(a, n - 2, n)",
    "sha256 of 100 bytes": "sha256(text).digest()",
}
MICRO = """\
from fanroute_runtime.p256 import P as p, N as n
a, b = pow(3, 500, p), pow(5, 500, p)
c, text = a * b, bytes(100)
WORD, FOLD, LOW = 2**32 - 1, 2**192 + 2**128 + 2**96 - 2**32 - 1, 2**288 - 1

def folded(c):
    c = (c & LOW) - (c >> 288) * FOLD
    c = (c & LOW) - (c >> 288) * FOLD
    return (c & LOW) - (c >> 288) * FOLD

def joined(*words):
    found = 0
    for word in words:
        found = found << 32 | word
    return found

def by_words(c):
    w = [c >> shift & WORD for shift in range(0, 512, 32)]
    s = c & 2**256 - 1
    s += 2 * (joined(*w[:10:-1], 0, 0, 0) + joined(0, *w[:11:-1], 0, 0, 0))
    s += joined(w[15], w[14], 0, 0, 0, w[10], w[9], w[8]) + joined(w[8], w[13], *w[15:12:-1], *w[11:8:-1])
    s -= joined(w[10], w[8], 0, 0, 0, w[13], w[12], w[11]) + joined(w[11], w[9], 0, 0, *w[15:11:-1])
    s -= joined(w[12], 0, w[10], w[9], w[8], *w[15:12:-1]) + joined(w[13], 0, w[11], w[10], w[9], 0, w[15], w[14])
    return s % p

assert folded(c) % p == by_words(c) == c % p

CALLS = {}
"""


def token() -> str:
    """A key, and what it has signed, as Python."""
    key = ec.derive_private_key(7, ec.SECP256R1())
    signed, _, signature = jwt.encode({"exp": 1, "iss": "fastly:abc"}, key, "ES256").rpartition(".")
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"KEY = {pem!r}\nSIGNED = {signed.encode()!r}\nSIGNATURE = {jwt.utils.base64url_decode(signature)!r}\n"


def component(folder: Path, sizes: tuple[int, int, int], setup: str) -> bytes:
    """A component whose `p256` has rows, columns and teeth as given."""
    sources = {f"{name.replace('.', '/')}.py": text for name, text in runtime_sources().items()}
    sources["fanroute_runtime/__init__.py"] = sources.pop("fanroute_runtime.py")
    p256 = "fanroute_runtime/p256.py"
    for name, size in zip(("ROWS", "COLUMNS", "MANY_TEETH"), sizes, strict=True):
        sources[p256] = re.sub(rf"(?m)^{name} = \d+$", f"{name} = {size}", sources[p256])
    sources["es256_alternatives.py"] = (Path(__file__).parent / "es256_alternatives.py").read_text()
    sources["app.py"] = APP.format(setup=setup)
    for name, text in ({f"app/{name}": text for name, text in sources.items()} | {"bench.wit": WIT}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program, app, wasm = Path(sysconfig.get_path("scripts")) / toolchain.COMPONENTIZE, folder / "app", folder / "bench.wasm"
    command = [program, "-q", "-d", folder / "bench.wit", "-w", "bench"]
    processes.run([*command, "componentize", "--stub-wasi", "-p", app, "app", "-o", wasm], {"VIRTUAL_ENV": str(app)})
    return wasm.read_bytes()


class Sandbox:
    """A new instance of a component."""

    def __init__(self, engine: wasmtime.Engine, component: Component) -> None:
        self._store = wasmtime.Store(engine)
        self._instance = Linker(engine).instantiate(self._store, component)

    def seconds(self, name: str, count: int = 1) -> float:
        """How long some calls take, each on average."""
        function: Any = self._instance.get_func(self._store, "run")
        started = thread_time()
        assert function(self._store, name, count)
        took = thread_time() - started
        function.post_return(self._store)
        return took / count


ENGINE = wasmtime.Engine()


def made(sizes: tuple[int, int, int], setup: str) -> tuple[Component, int]:
    """A component, compiled, and its size with gzip."""
    with TemporaryDirectory() as folder:
        wasm = component(Path(folder), sizes, setup)
    return Component(ENGINE, wasm), len(gzip.compress(wasm, 9))


def rounds(count: int, kinds: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """What each kind takes, in µs, in rounds of all kinds."""
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(count):
        for name, call in kinds.items():
            took[name].append(call() * 1e6)
    return took


def compare_operations(count: int) -> None:
    setup = MICRO + "".join(f"CALLS[{name!r}] = lambda: ({code}) is not None\n" for name, code in OPERATIONS.items())
    sandbox = Sandbox(ENGINE, made(SMALL, setup)[0])
    calls = {name: (lambda name=name: sandbox.seconds(name, 500)) for name in ["nothing", *OPERATIONS]}
    took = rounds(count, calls)
    print("| inside the component | µs |\n| --- | --- |")  # noqa: T201
    for name in OPERATIONS:
        print(f"| `{name}` | {min(took[name]) - min(took['nothing']):.2f} |")  # noqa: T201
    print()  # noqa: T201


def compare_ways(count: int, names: list[str]) -> None:
    without = made(SMALL, "CALLS = {}")[1]
    components = {name: made(*WAYS[name]) for name in names}
    sandboxes = {name: Sandbox(ENGINE, components[name][0]) for name in names}
    kinds: dict[str, Callable[[], float]] = {}
    for name in names:
        kinds[f"{name} warm"] = lambda name=name: sandboxes[name].seconds("verify", 20)
        kinds[f"{name} cold"] = lambda name=name: Sandbox(ENGINE, components[name][0]).seconds("verify")
        kinds[f"{name} nothing"] = lambda name=name: Sandbox(ENGINE, components[name][0]).seconds("nothing")
        if name.startswith("late"):
            kinds[f"{name} load"] = lambda name=name: sandboxes[name].seconds("load", 5)
    took = rounds(count, kinds)
    print("| | warm, best | warm, median | cold | load and first check | gzip |\n| --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for name in names:
        warm, cold, nothing = (took[f"{name} {kind}"] for kind in ("warm", "cold", "nothing"))
        load = f"{median(took[f'{name} load']) / 1000:.2f} ms" if f"{name} load" in took else ""
        cells = [
            f"{min(warm) / 1000:.3f} ms",
            f"{median(warm) / 1000:.3f} ms",
            f"{(median(cold) - median(nothing)) / 1000:.2f} ms",
        ]
        cells += [load, f"{components[name][1] - without:,}"]
        print(f"| {name} | {' | '.join(cells)} |")  # noqa: T201


if __name__ == "__main__":
    _, asked, *chosen = [*sys.argv, *["30"][: 2 - len(sys.argv)]]
    for name in chosen or WAYS:
        WAYS[name] = (WAYS[name][0], token() + WAYS[name][1])
    if not chosen:
        compare_operations(int(asked))
    compare_ways(int(asked), chosen or list(WAYS))
