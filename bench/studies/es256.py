"""Compares ways to verify an ES256 signature inside a component, side by side in one run. docs/es256.md has the results.

    .venv/bin/python -m bench.studies.es256 [ROUNDS [NAME...]]

NAMEs are keys of WAYS below; ROUNDS is 30 unless given. All times are CPU time, the kernel's included. The columns:
    warm: many checks in one sandbox, the best of the rounds and the median.
    cold: the first check in a new sandbox, minus a call that does nothing in a new sandbox.
    load and first check: making the tables of a late key, and a check with them.
    gzip: how many bytes the compressed component grows by.
    fuel: the instructions of a check in a sandbox that has checked before, as wasmtime counts them.
All ways take turns in each round. All components are flattened.
"""

import gzip
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
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
from fanroute.codegen.app_module import file_of
from fanroute.native.p256 import P256
from fanroute.project import processes
from fanroute.project.package_files import runtime_sources, wit_folder
from fanroute.wasm.flatten import flatten

WIT = """\
package fanroute:bench;
world bench {
  export run: func(name: string, count: u32) -> bool;
}
world bench-with-p256 {
  include bench;
  import fanroute:native/p256@0.1.0;
  import fanroute:native/grip-sig@0.1.0;
}
"""
# The part of the product's WIT that has the native module's interface.
INTERFACE = "package fanroute:native" + (wit_folder() / "edge.wit").read_text().partition("package fanroute:native")[2]
APP = """\
import wit_world
from hashlib import sha256
from fanroute_runtime.jose import native
{setup}
CALLS["nothing"] = lambda: True
# The native module is linked in later.
for call in () if native.LINKED else CALLS.values():
    assert call()

class WitWorld(wit_world.WitWorld):
    def run(self, name, count):
        call = CALLS[name]
        return all([call() for _ in range(count)])
"""
ES256 = """\
from fanroute_runtime.jose import es256, p256
from es256_alternatives import *
POINT = es256._read_point(KEY)
{tables}
CALLS = {{"verify": lambda: verify(SIGNED, SIGNATURE)}}
assert not verify(SIGNED + b"x", SIGNATURE)
"""
# A late key is one that comes at run time, not when the component is built. `load` makes its tables and checks once.
LATE = """
CALLS["load"] = lambda: make()(SIGNED, SIGNATURE)
"""

NATIVE = """
from fanroute_runtime.jose import es256
make = lambda: es256.verifier(KEY, {fixed})
kept = [make()] if {fixed} else []
def check():
    if not kept:
        kept.append(make())
    return kept[0](SIGNED, SIGNATURE)
CALLS = {{"verify": check, "load": lambda: make()(SIGNED, SIGNATURE)}}
"""


def app(generator: str, key: str, adder: str = "p256.x_of_sum") -> str:
    """Returns the source of an app that verifies, from expressions for the tables of the generator and of the key."""
    return ES256.format(tables=f"verify = verifier({generator}, {key}, {adder})")


def late_key_app(key: str, adder: str = "p256.x_of_sum") -> str:
    """Returns the source of an app whose key is late."""
    tables = f"make = lambda: verifier(p256.generator_comb(), {key}, {adder})\nverify = make()"
    return ES256.format(tables=tables) + LATE


def windows_app(width: int, signed: bool, adder: str = "jacobian") -> str:
    table = f"Windows({{}}, {width}, {signed})"
    return app(table.format("p256.GENERATOR"), table.format("POINT"), adder)


def comb_app(adder: str = "p256.x_of_sum") -> str:
    return app("p256.generator_comb()", "Comb(POINT, p256.MANY_TEETH)", adder)


def unpacked_comb_app(adder: str = "p256.x_of_sum") -> str:
    table = "UnpackedComb({}, TEETH)"
    return app(table.format("p256.GENERATOR"), table.format("POINT"), adder)


# ROWS, COLUMNS and MANY_TEETH of `p256`. With one tooth the tables are as small as possible.
SMALL = (24, 11, 1)
# The ways to compare by name: those three constants, and the source of the app.
WAYS: dict[str, tuple[tuple[int, int, int], str]] = {
    "native": ((24, 11, 12), NATIVE.format(fixed=True)),
    "native, late key": ((24, 11, 12), NATIVE.format(fixed=False)),
    "windows of 8 bits, Jacobian": (SMALL, windows_app(8, False)),
    "windows of 8 bits, XYZZ": (SMALL, windows_app(8, False, "p256.x_of_sum")),
    **{f"signed windows of {width} bits, XYZZ": (SMALL, windows_app(width, True, "p256.x_of_sum")) for width in (4, 5, 6, 7, 8)},
    "comb of 2 × 12 teeth, tuples, Jacobian": (SMALL, "TEETH = 12\n" + unpacked_comb_app("jacobian")),
    "comb of 2 × 12 teeth, tuples": (SMALL, "TEETH = 12\n" + unpacked_comb_app()),
    "comb of 2 × 12 teeth": ((24, 11, 12), comb_app()),
    "comb of 2 × 12 teeth, in pairs": ((24, 11, 12), comb_app("in_pairs")),
    "comb of 2 × 11 teeth": ((22, 12, 11), comb_app()),
    "comb of 2 × 10 teeth": ((20, 13, 10), comb_app()),
    "comb of 3 × 8 teeth": ((24, 11, 8), comb_app()),
    "comb of 4 × 6 teeth": ((24, 11, 6), comb_app()),
    "2 × 12 teeth, the key's 3 × 8": ((24, 11, 12), app("p256.generator_comb()", "Comb(POINT, 8)")),
    **{
        f"late key, {24 // teeth} × {teeth} teeth": ((24, 11, 12), late_key_app(f"Comb(POINT, {teeth})"))
        for teeth in (2, 3, 4, 6, 8)
    },
    "late key, sliding windows of 5 bits": ((24, 11, 12), late_key_app("SlidingWindows(POINT)", "with_sliding_windows")),
}
# Python's operations that are timed: by their title, the expression.
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
OPERATIONS_SETUP = """\
from fanroute_runtime.jose.p256 import P as p, N as n
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


def signed_token() -> str:
    """Returns Python source that defines a public key, what it signs and the signature."""
    key = ec.derive_private_key(7, ec.SECP256R1())
    signed, _, signature = jwt.encode({"exp": 1, "iss": "fastly:abc"}, key, "ES256").rpartition(".")
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"KEY = {pem!r}\nSIGNED = {signed.encode()!r}\nSIGNATURE = {jwt.utils.base64url_decode(signature)!r}\n"


def build_component(folder: Path, sizes: tuple[int, int, int], setup: str, native: bool) -> bytes:
    """Builds a flattened component from an app's source. `sizes` replace ROWS, COLUMNS and MANY_TEETH of `p256`."""
    runtime = runtime_sources()
    sources = {file_of(name, runtime): text for name, text in runtime.items()}
    p256 = file_of("fanroute_runtime.jose.p256", runtime)
    for name, size in zip(("ROWS", "COLUMNS", "MANY_TEETH"), sizes, strict=True):
        sources[p256] = re.sub(rf"(?m)^{name} = \d+$", f"{name} = {size}", sources[p256])
    sources["es256_alternatives.py"] = (Path(__file__).parent / "es256_alternatives.py").read_text()
    sources["app.py"] = APP.format(setup=setup)
    for name, text in ({f"app/{name}": text for name, text in sources.items()} | {"bench.wit": WIT + INTERFACE}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    wit, staged, wasm = folder / "bench.wit", folder / "app", folder / "bench.wasm"
    componentize = [toolchain.installed_program(toolchain.COMPONENTIZE), "-q", "-d", wit]
    world = "bench-with-p256" if native else "bench"
    arguments = ["-w", world, "componentize", "--stub-wasi", "-p", staged, "app", "-o", wasm]
    processes.run([*componentize, *arguments], {"VIRTUAL_ENV": str(staged)})
    wasm.write_bytes(flatten(wasm.read_bytes(), ["exports#init"], [P256]))
    tools = [toolchain.installed_program(toolchain.WASM_TOOLS), "component"]
    processes.run([*tools, "embed", wit, "-w", "bench", wasm, "-o", wasm])
    processes.run([*tools, "new", wasm, "-o", wasm])
    return wasm.read_bytes()


class Sandbox:
    """Represents a new instance of a component."""

    def __init__(self, engine: wasmtime.Engine, component: Component, fuel: int = 0) -> None:
        self._store = wasmtime.Store(engine)
        if fuel:
            self._store.set_fuel(fuel)
        self._instance = Linker(engine).instantiate(self._store, component)

    def seconds(self, name: str, count: int = 1) -> float:
        """Calls an operation and returns how many seconds one call takes on average."""
        function: Any = self._instance.get_func(self._store, "run")
        started = thread_time()
        assert function(self._store, name, count)
        seconds = thread_time() - started
        function.post_return(self._store)
        return seconds / count

    def fuel(self, name: str) -> int:
        """Returns how many instructions an operation takes when it is called again."""
        self.seconds(name)
        before = self._store.get_fuel()
        self.seconds(name)
        return before - self._store.get_fuel()


ENGINE, FUEL = wasmtime.Engine(), 1 << 50


def build(sizes: tuple[int, int, int], setup: str) -> bytes:
    with TemporaryDirectory() as folder:
        return build_component(Path(folder), sizes, setup, native="es256.verifier(KEY" in setup)


def count_fuel(wasm: bytes) -> int:
    """Returns the instructions of a check, without those of a call that does nothing."""
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    component = Component(engine, wasm)
    check, nothing = (Sandbox(engine, component, FUEL).fuel(name) for name in ("verify", "nothing"))
    return check - nothing


def time_in_turn(rounds: int, calls: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Makes each call once per round, and returns the µs that it takes in each."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(call() * 1e6)
    return times


def print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")  # noqa: T201


def compare_operations(rounds: int) -> None:
    """Prints how long Python's operations take inside a component."""
    setup = OPERATIONS_SETUP + "".join(f"CALLS[{name!r}] = lambda: ({code}) is not None\n" for name, code in OPERATIONS.items())
    sandbox = Sandbox(ENGINE, Component(ENGINE, build(SMALL, setup)))
    times = time_in_turn(rounds, {name: partial(sandbox.seconds, name, 500) for name in ["nothing", *OPERATIONS]})
    print_row("inside the component", "µs")
    print_row("---", "---")
    for name in OPERATIONS:
        print_row(f"`{name}`", f"{min(times[name]) - min(times['nothing']):.2f}")
    print()  # noqa: T201


def compare_ways(rounds: int, names: list[str]) -> None:
    """Prints how long a check takes in some of the ways, and what they add to the component."""
    size_without = len(gzip.compress(build(SMALL, "CALLS = {}"), 9))
    built = {name: build(*WAYS[name]) for name in names}
    components = {name: Component(ENGINE, wasm) for name, wasm in built.items()}
    sandboxes = {name: Sandbox(ENGINE, component) for name, component in components.items()}

    def in_new_sandbox(name: str, call: str) -> float:
        return Sandbox(ENGINE, components[name]).seconds(call)

    calls: dict[str, Callable[[], float]] = {}
    for name in names:
        calls[f"{name} warm"] = partial(sandboxes[name].seconds, "verify", 20)
        calls[f"{name} cold"] = partial(in_new_sandbox, name, "verify")
        calls[f"{name} nothing"] = partial(in_new_sandbox, name, "nothing")
        if "late key" in name:
            calls[f"{name} load"] = partial(sandboxes[name].seconds, "load", 5)
    times = time_in_turn(rounds, calls)
    print_row("", "fuel", "warm, best", "warm, median", "cold", "load and first check", "gzip")
    print_row(*["---"] * 7)
    for name in names:
        warm, cold, nothing = (times[f"{name} {kind}"] for kind in ("warm", "cold", "nothing"))
        print_row(
            name,
            f"{count_fuel(built[name]):,}",
            f"{min(warm) / 1000:.3f} ms",
            f"{median(warm) / 1000:.3f} ms",
            f"{(median(cold) - median(nothing)) / 1000:.2f} ms",
            f"{median(times[f'{name} load']) / 1000:.2f} ms" if f"{name} load" in times else "",
            f"{len(gzip.compress(built[name], 9)) - size_without:,}",
        )


def main() -> None:
    rounds, names = int(sys.argv[1]) if len(sys.argv) > 1 else 30, sys.argv[2:]
    for name in names or WAYS:
        WAYS[name] = (WAYS[name][0], signed_token() + WAYS[name][1])
    if not names:
        compare_operations(rounds)
    compare_ways(rounds, names or list(WAYS))


if __name__ == "__main__":
    main()
