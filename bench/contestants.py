"""The contestants: how each is built from our own small sources, on its vendor's SDK, at its best and as its kit ships.

What is built is kept in the cache, by what it is built from; Fanroute's own components, which change with the checkout, are not.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from bench import tools
from fanroute.project import processes

SOURCES = Path(__file__).parent / "apps"

Command = list[str | Path]

# The works (measuring/workloads.py) that a starter kit does; and Flask's, since the SDK's WSGI adapter knows no handing off.
KIT = ("stream", "sse", "open", "echo-100", "echo-8192", "echo-65536", "handoff", "respond", "404")
FLASK = tuple(name for name in KIT if name != "handoff")


@dataclass(frozen=True)
class Recipe:
    """How one is built in a folder of its own: `files` there by where they are in SOURCES, or the text itself as bytes.

    `prepare` is what a user waits for once, `build` each time: only that is timed. Both may ask for `{python}`.
    """

    files: Mapping[str, str | bytes]
    build: Command
    made: str = "main.wasm"
    prepare: tuple[Command, ...] = ()
    packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    uses: Callable[[], Mapping[str, str]] = dict
    cached: bool = True


@dataclass(frozen=True)
class Contestant:
    """`name` is its name in the results, `kit` whose it is, `mode` how it takes requests: "reused" or "fresh" sandboxes.

    `does` are the works that it is asked for; where `fixed`, it answers whatever is asked with no more than a status.
    """

    name: str
    kit: str
    mode: str
    what: str
    recipe: Recipe
    does: tuple[str, ...] = KIT
    fixed: bool = False


@dataclass(frozen=True)
class Built:
    """A component or module, and how many seconds its build took."""

    wasm: Path
    seconds: float


def _floor() -> Recipe:
    assemble = "import sys, wasmtime; open('main.wasm', 'wb').write(wasmtime.wat2wasm(open('app.wat').read()))"
    return Recipe({"app.wat": "floor/app.wat"}, [sys.executable, "-c", assemble])


def _go(mode: str) -> Recipe:
    files = {"app.go": "go/app.go", "main.go": f"go/{mode}.go", "go.mod": f"go/{mode}.mod", "go.sum": f"go/{mode}.sum"}
    build: Command = ["go", "build", "-tags", mode, "-o", "main.wasm", "."]
    environment = {"GOOS": "wasip1", "GOARCH": "wasm", "GOCACHE": "{folder}/cache"}
    return Recipe(files, build, prepare=(["go", "mod", "download"],), packages=("golang-go",), environment=environment)


def _javascript(mode: str) -> Recipe:
    files = {name: f"javascript/{name}" for name in ("app.js", "reused.js", "package.json")}
    source = {"reused": "reused.js", "shipped": "app.js"}[mode]
    build: Command = ["node_modules/.bin/js-compute-runtime", source, "main.wasm"]
    prepare: Command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    return Recipe(files, build, prepare=(prepare,), packages=("npm",))


def _rust(mode: str) -> Recipe:
    files = {name: f"rust/{name}" for name in ("Cargo.toml", "Cargo.lock", "src/app.rs", f"src/bin/{mode}.rs")}
    flags = ["link-self-contained=no", "linker-flavor=wasm-ld", "link-arg=/usr/lib/wasm32-wasi/crt1-command.o"]
    # Debian has no standard library for WASI: it is compiled from its sources, which only RUSTC_BOOTSTRAP allows.
    environment = {
        "RUSTC": "/usr/bin/rustc",
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_TARGET_WASM32_WASIP1_LINKER": "/usr/bin/wasm-ld-19",
        "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS": " ".join([*(f"-C {flag}" for flag in flags), "-L native=/usr/lib/wasm32-wasi"]),
    }
    target = ["--target", "wasm32-wasip1"]
    build: Command = ["/usr/bin/cargo", "build", "--release", "--locked", *target, "-Zbuild-std=std,panic_abort"]
    packages = ("rustc-web", "cargo-web", "rust-web-src", "wasi-libc", "lld-19")
    fetch: Command = ["/usr/bin/cargo", "fetch", "--locked"]
    made = f"target/wasm32-wasip1/release/{mode}.wasm"
    return Recipe(files, build, made, (fetch,), packages, environment)


def _python(entry: str) -> Recipe:
    names = ("app.py", "reused.py", "flask_app.py", "flask_reused.py", "requirements.lock")
    install: Command = ["sdk/bin/pip", "-q", "install", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]
    prepare: tuple[Command, ...] = (["{python}", "-m", "venv", "sdk"], [*install, "--require-hashes", "-r", "requirements.lock"])
    build: Command = ["sdk/bin/fastly-compute-py", "build", "-e", entry, "-o", "main.wasm"]
    environment = {"VIRTUAL_ENV": "{folder}/sdk"}
    files = {name: f"python/{name}" for name in names}
    return Recipe(files, build, prepare=prepare, environment=environment, uses=lambda: {"python": tools.python_for_sdk()})


def _empty() -> Recipe:
    lines = [
        "from pathlib import Path",
        "from fanroute.bundle.toolchain import componentize",
        "from fanroute.project.workspace import wit_folder",
        "componentize(Path('build/app'), wit_folder(), Path('build/new.wasm'))",
    ]
    build: Command = [sys.executable, "-c", "; ".join(lines)]
    return Recipe({"build/app/app.py": "empty-python/app.py"}, build, "build/new.wasm", cached=False)


def fanroute(routes: str, *options: str, files: Mapping[str, bytes] | None = None) -> Recipe:
    """Fanroute with the text of a routes.yaml, options of `fanroute build`, and files beside it."""
    build: Command = [sys.executable, "-P", "-m", "fanroute", "build", *options, "routes.yaml"]
    return Recipe({"routes.yaml": routes.encode(), **(files or {})}, build, "bin/main.wasm", cached=False)


def contestants(key: bytes) -> list[Contestant]:
    """All of them; `key` is the PEM of a P-256 key with which one of Fanroute's checks Grip-Sig."""
    routes = (SOURCES / "fanroute" / "routes.yaml").read_text(encoding="utf-8")
    es256 = routes + "fanout: {keys: {issuer: proxy, algorithm: ES256, file: es256.pem}}\n"
    pem = {"es256.pem": key}
    fresh = "sandbox: {max_requests: 1}\n"
    return [
        Contestant(
            "floor", "empty module", "fresh", "hand-written, 200 without headers or body", _floor(), ("stream",), fixed=True
        ),
        Contestant("rust", "Rust", "reused", "fastly 0.13.2, `Serve`", _rust("reused")),
        Contestant("rust-shipped", "Rust", "fresh", "fastly 0.13.2, as its kit ships", _rust("shipped")),
        Contestant("go", "Go", "reused", "compute-sdk-go 1.9.0, `ServeMany`", _go("reused")),
        Contestant("go-shipped", "Go", "fresh", "compute-sdk-go 1.3.2, as its kit ships", _go("shipped")),
        Contestant("javascript", "JavaScript", "reused", "@fastly/js-compute 3.46.0, reusable sandboxes", _javascript("reused")),
        Contestant(
            "javascript-shipped", "JavaScript", "fresh", "@fastly/js-compute 3.46.0, as its kit ships", _javascript("shipped")
        ),
        Contestant("python", "Python", "reused", "fastly-compute 0.1.3, bare", _python("reused")),
        Contestant("python-shipped", "Python", "fresh", "fastly-compute 0.1.3, bare", _python("app")),
        Contestant("flask", "Flask", "reused", "fastly-compute 0.1.3 with Flask 3.1.3", _python("flask_reused"), FLASK),
        Contestant("flask-shipped", "Flask", "fresh", "fastly-compute 0.1.3 with Flask 3.1.3", _python("flask_app"), FLASK),
        Contestant("fanroute", "Fanroute", "reused", "as it is built by default", fanroute(routes)),
        Contestant("fanroute-fresh", "Fanroute", "fresh", "a sandbox a request", fanroute(routes + fresh)),
        Contestant(
            "fanroute-unflattened",
            "Fanroute",
            "fresh",
            "a sandbox a request, the core modules not merged",
            fanroute(routes + fresh, "--no-flatten"),
        ),
        Contestant(
            "fanroute-present",
            "Fanroute",
            "reused",
            "Grip-Sig only has to be present, as for the kits",
            fanroute(routes + "fanout: {grip_sig: present}\n"),
            ("stream",),
        ),
        Contestant(
            "fanroute-es256",
            "Fanroute",
            "reused",
            "with an ES256 key of the bench",
            fanroute(es256, files=pem),
            ("stream-es256",),
        ),
        Contestant(
            "fanroute-es256-fresh",
            "Fanroute",
            "fresh",
            "the same, a sandbox a request",
            fanroute(es256 + fresh, files=pem),
            ("stream-es256",),
        ),
        Contestant(
            "empty-python",
            "empty Python app",
            "fresh",
            "componentize-py with Fanroute's WIT, a fixed answer",
            _empty(),
            ("stream",),
        ),
    ]


def build(name: str, recipe: Recipe, folder: Path) -> Built:
    """Build one, in a new folder, or take it from the cache. Raises ProgramFailed."""
    kept = tools.cache() / f"{name}-{_key(recipe)}"
    if recipe.cached and (kept / "built.json").exists():
        return Built(kept / "main.wasm", json.loads((kept / "built.json").read_text())["seconds"])
    tools.need(*recipe.packages)
    tools.say(f"Building {name}")
    built = _build(recipe, folder / name)
    if not recipe.cached:
        return built
    kept.mkdir(parents=True, exist_ok=True)
    shutil.copy(built.wasm, kept / "main.wasm")
    (kept / "built.json").write_text(json.dumps({"seconds": built.seconds}))
    return Built(kept / "main.wasm", built.seconds)


def _key(recipe: Recipe) -> str:
    """What it is made from and how, as a hash."""
    parts = [str(part) for command in (*recipe.prepare, recipe.build) for part in command]
    contents = [f"{name}\0".encode() + _content(source) for name, source in recipe.files.items()]
    return sha256(b"\0".join([*contents, *(part.encode() for part in parts)])).hexdigest()[:12]


def _content(source: str | bytes) -> bytes:
    return source if isinstance(source, bytes) else (SOURCES / source).read_bytes()


def _build(recipe: Recipe, folder: Path) -> Built:
    for name, source in recipe.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_content(source))
    values = {"folder": str(folder.resolve()), **recipe.uses()}
    environment = {name: value.format(**values) for name, value in recipe.environment.items()}

    def run(command: Command) -> None:
        here = [str(part).format(**values) if isinstance(part, str) else str(part) for part in command]
        processes.run(["env", "-C", str(folder), *here], environment)

    for command in recipe.prepare:
        run(command)
    started = perf_counter()
    run(recipe.build)
    return Built(folder / recipe.made, perf_counter() - started)
