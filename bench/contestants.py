"""Defines the contestants and builds them: Fastly's kits, Flask, Fanroute in several forms, and two apps that do nothing.

The sources of the apps are in bench/apps. A kit is built twice: with its newest SDK and reused sandboxes, and as Fastly ships it.
Built components stay in the cache under a hash of what they are built from, except those that depend on this checkout.

Has no command; bench.run and bench.measuring import it.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench import tools
from fanroute.project import processes

APPS = Path(__file__).parent / "apps"

Command = list[str | Path]

# The workloads (bench/measuring/workloads.py) that a starter kit can do.
KIT_WORKLOADS = (
    "stream",
    "stream-python",
    "sse",
    "open",
    "echo-100",
    "echo-8192",
    "echo-65536",
    "handoff",
    "handoff-self",
    "respond",
)
# The WSGI adapter of Fastly's Python SDK cannot hand off a request.
FLASK_WORKLOADS = tuple(name for name in KIT_WORKLOADS if not name.startswith("handoff"))


@dataclass(frozen=True)
class Recipe:
    """Represents how a contestant is built, in a folder of its own.

    Attributes:
        files: the folder's files by name: a path in APPS, or the content itself as bytes.
        build: the command that is timed.
        output: the file that it writes.
        prepare: commands that run before it and are not timed, because a user needs them only once.
        packages: Debian packages that the commands need.
        environment: variables for the commands.
        placeholders: returns more values for `{name}` in commands and variables; `{folder}` is always there.
        cached: False if the result depends on this checkout.
    """

    files: Mapping[str, str | bytes]
    build: Command
    output: str = "main.wasm"
    prepare: tuple[Command, ...] = ()
    packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    placeholders: Callable[[], Mapping[str, str]] = dict
    cached: bool = True


@dataclass(frozen=True)
class Contestant:
    """Represents something that is measured.

    Attributes:
        kit: the title of the kit that it belongs to.
        mode: "reused" if a sandbox serves several requests in a row, "fresh" if each request gets a new one.
        workloads: the names of the workloads that it gets.
        fixed: True if it always gives the same answer, of which only the status is checked.
    """

    name: str
    kit: str
    mode: str
    description: str
    recipe: Recipe
    workloads: tuple[str, ...] = KIT_WORKLOADS
    fixed: bool = False


@dataclass(frozen=True)
class BuildResult:
    """Represents a built component or module, and the seconds that its build took."""

    wasm: Path
    seconds: float


def _empty_module_recipe() -> Recipe:
    assemble = "import sys, wasmtime; open('main.wasm', 'wb').write(wasmtime.wat2wasm(open('app.wat').read()))"
    return Recipe({"app.wat": "floor/app.wat"}, [sys.executable, "-c", assemble])


def _go_recipe(mode: str) -> Recipe:
    files = {"app.go": "go/app.go", "main.go": f"go/{mode}.go", "go.mod": f"go/{mode}.mod", "go.sum": f"go/{mode}.sum"}
    build: Command = ["go", "build", "-tags", mode, "-o", "main.wasm", "."]
    environment = {"GOOS": "wasip1", "GOARCH": "wasm", "GOCACHE": "{folder}/cache"}
    return Recipe(files, build, prepare=(["go", "mod", "download"],), packages=("golang-go",), environment=environment)


def _javascript_recipe(mode: str) -> Recipe:
    files = {name: f"javascript/{name}" for name in ("app.js", "reused.js", "package.json")}
    source = {"reused": "reused.js", "shipped": "app.js"}[mode]
    build: Command = ["node_modules/.bin/js-compute-runtime", source, "main.wasm"]
    prepare: Command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    return Recipe(files, build, prepare=(prepare,), packages=("npm",))


def _rust_recipe(mode: str) -> Recipe:
    files = {name: f"rust/{name}" for name in ("Cargo.toml", "Cargo.lock", "src/app.rs", f"src/bin/{mode}.rs")}
    flags = ["link-self-contained=no", "linker-flavor=wasm-ld", "link-arg=/usr/lib/wasm32-wasi/crt1-command.o"]
    # Debian has no compiled standard library for WASI. `build-std` compiles one, which only RUSTC_BOOTSTRAP allows.
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
    output = f"target/wasm32-wasip1/release/{mode}.wasm"
    return Recipe(files, build, output, (fetch,), packages, environment)


def _python_recipe(entry: str) -> Recipe:
    names = ("app.py", "reused.py", "flask_app.py", "flask_reused.py", "requirements.lock")
    install: Command = ["sdk/bin/pip", "-q", "install", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]
    prepare: tuple[Command, ...] = (["{python}", "-m", "venv", "sdk"], [*install, "--require-hashes", "-r", "requirements.lock"])
    build: Command = ["sdk/bin/fastly-compute-py", "build", "-e", entry, "-o", "main.wasm"]
    environment = {"VIRTUAL_ENV": "{folder}/sdk"}
    files = {name: f"python/{name}" for name in names}
    return Recipe(
        files, build, prepare=prepare, environment=environment, placeholders=lambda: {"python": tools.find_sdk_python()}
    )


def _empty_python_recipe() -> Recipe:
    lines = [
        "from pathlib import Path",
        "from fanroute.bundle.toolchain import componentize",
        "from fanroute.project.package_files import wit_folder",
        "componentize(Path('build/app'), wit_folder(), Path('build/new.wasm'))",
    ]
    build: Command = [sys.executable, "-c", "; ".join(lines)]
    return Recipe({"build/app/app.py": "empty-python/app.py"}, build, "build/new.wasm", cached=False)


# Makes Fanroute verify the Grip-Sig of a proxy of one's own, too. Such a proxy has the key of the benchmark.
KEYS = "fanout: {keys: {issuer: proxy, algorithm: ES256, file: key.pem}}\n"


def fanroute_recipe(routes: str, key: EllipticCurvePrivateKey, *options: str) -> Recipe:
    """Returns the recipe for the text of a routes.yaml, with options of bench.fastly_key.

    The component trusts `key` in place of Fastly's. routes.yaml can refer to its public key as key.pem.
    """
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    build: Command = [sys.executable, "-P", "-m", "bench.fastly_key", "key.pem", *options]
    environment = {"PYTHONPATH": str(APPS.parents[1])}
    return Recipe({"routes.yaml": routes.encode(), "key.pem": pem}, build, "bin/main.wasm", environment=environment, cached=False)


def contestants(key: EllipticCurvePrivateKey) -> list[Contestant]:
    """Returns all contestants. `key` is the P-256 key that signs Grip-Sigs."""
    routes = (APPS / "fanroute" / "routes.yaml").read_text(encoding="utf-8")
    keys = routes + KEYS
    fresh = "sandbox: {max_requests: 1}\n"
    ours = (*KIT_WORKLOADS, "stream-hs256")
    return [
        Contestant(
            "floor",
            "empty module",
            "fresh",
            "hand-written, 200 without headers or body",
            _empty_module_recipe(),
            ("stream",),
            fixed=True,
        ),
        Contestant("rust", "Rust", "reused", "fastly 0.13.2, `Serve`", _rust_recipe("reused")),
        Contestant("rust-shipped", "Rust", "fresh", "fastly 0.13.2, as its kit ships", _rust_recipe("shipped")),
        Contestant("go", "Go", "reused", "compute-sdk-go 1.9.0, `ServeMany`", _go_recipe("reused")),
        Contestant("go-shipped", "Go", "fresh", "compute-sdk-go 1.3.2, as its kit ships", _go_recipe("shipped")),
        Contestant(
            "javascript", "JavaScript", "reused", "@fastly/js-compute 3.46.0, reusable sandboxes", _javascript_recipe("reused")
        ),
        Contestant(
            "javascript-shipped",
            "JavaScript",
            "fresh",
            "@fastly/js-compute 3.46.0, as its kit ships",
            _javascript_recipe("shipped"),
        ),
        Contestant("python", "Python", "reused", "fastly-compute 0.1.3, bare", _python_recipe("reused")),
        Contestant("python-shipped", "Python", "fresh", "fastly-compute 0.1.3, bare", _python_recipe("app")),
        Contestant(
            "flask", "Flask", "reused", "fastly-compute 0.1.3 with Flask 3.1.3", _python_recipe("flask_reused"), FLASK_WORKLOADS
        ),
        Contestant(
            "flask-shipped",
            "Flask",
            "fresh",
            "fastly-compute 0.1.3 with Flask 3.1.3",
            _python_recipe("flask_app"),
            FLASK_WORKLOADS,
        ),
        Contestant("fanroute", "Fanroute", "reused", "as it is built by default", fanroute_recipe(routes, key), ours),
        Contestant("fanroute-fresh", "Fanroute", "fresh", "one sandbox per request", fanroute_recipe(routes + fresh, key), ours),
        Contestant(
            "fanroute-unflattened",
            "Fanroute",
            "fresh",
            "one sandbox per request, core modules not joined",
            fanroute_recipe(routes + fresh, key, "--no-flatten"),
        ),
        Contestant(
            "fanroute-present",
            "Fanroute",
            "reused",
            "Grip-Sig only has to be present, as for the kits",
            fanroute_recipe(routes + "fanout: {grip_sig: present}\n", key),
            ("stream", "stream-python"),
        ),
        Contestant(
            "fanroute-keys",
            "Fanroute",
            "reused",
            "Grip-Sig of another proxy, with a key of `fanout.keys`",
            fanroute_recipe(keys, key),
            ("stream-keys",),
        ),
        Contestant(
            "fanroute-keys-fresh",
            "Fanroute",
            "fresh",
            "the same, one sandbox per request",
            fanroute_recipe(keys + fresh, key),
            ("stream-keys",),
        ),
        Contestant(
            "empty-python",
            "empty Python app",
            "fresh",
            "componentize-py with Fanroute's WIT, a fixed answer",
            _empty_python_recipe(),
            ("stream",),
        ),
    ]


def build(name: str, recipe: Recipe, folder: Path) -> BuildResult:
    """Builds a contestant in a new folder below `folder`, or takes it from the cache. Raises ProgramFailed."""
    kept = tools.bench_cache() / f"{name}-{_cache_key(recipe)}"
    if recipe.cached and (kept / "built.json").exists():
        return BuildResult(kept / "main.wasm", json.loads((kept / "built.json").read_text())["seconds"])
    tools.require_packages(*recipe.packages)
    tools.log(f"Building {name}")
    result = _run_recipe(recipe, folder / name)
    if not recipe.cached:
        return result
    kept.mkdir(parents=True, exist_ok=True)
    shutil.copy(result.wasm, kept / "main.wasm")
    (kept / "built.json").write_text(json.dumps({"seconds": result.seconds}))
    return BuildResult(kept / "main.wasm", result.seconds)


def _cache_key(recipe: Recipe) -> str:
    """Returns a hash of a recipe's files and commands."""
    commands = [str(argument) for command in (*recipe.prepare, recipe.build) for argument in command]
    contents = [f"{name}\0".encode() + _content(source) for name, source in recipe.files.items()]
    return sha256(b"\0".join([*contents, *(argument.encode() for argument in commands)])).hexdigest()[:12]


def _content(source: str | bytes) -> bytes:
    return source if isinstance(source, bytes) else (APPS / source).read_bytes()


def _run_recipe(recipe: Recipe, folder: Path) -> BuildResult:
    for name, source in recipe.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_content(source))
    values = {"folder": str(folder.resolve()), **recipe.placeholders()}
    environment = {name: value.format(**values) for name, value in recipe.environment.items()}

    def run(command: Command) -> None:
        arguments = [argument.format(**values) if isinstance(argument, str) else str(argument) for argument in command]
        processes.run(["env", "-C", str(folder), *arguments], environment)

    for command in recipe.prepare:
        run(command)
    started = perf_counter()
    run(recipe.build)
    return BuildResult(folder / recipe.output, perf_counter() - started)
