"""Compares the flattened component that ships with the one that componentize-py makes: only the core modules differ."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fanroute.bundle import toolchain
from fanroute.bundle.builder import app_files, build
from fanroute.bundle.equivalence import READING, behaves_as_planned
from fanroute.cli import main
from fanroute.codegen.base_module import emit_base
from fanroute.host.exchange import Exchange
from fanroute.native.p256 import GRIP_SIG_INTERFACE, P256_INTERFACE
from fanroute.pipeline import compile_routes
from fanroute.project import processes
from fanroute.project.folder import Folder, write
from fanroute.project.package_files import runtime_sources
from fanroute.project.workspace import Workspace
from fanroute.wasm.binary import BadComponent
from fanroute.wasm.component import import_names
from fanroute.wasm.flatten import flatten
from fanroute.wasm.flatten.linking import ModuleInstance, read_core_definitions
from fanroute_runtime.jose.limbs import pack_table
from fanroute_runtime.jose.p256 import GENERATOR
from fanroute_runtime.snapshot.immortal import MARK
from tests.component.test_component import REQUESTS, Host
from tests.conftest import INPUTS, REPOSITORY
from tests.support.builds import FLATTEN, build_once

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FLATTEN, reason="without flattening, there is nothing to compare")]

OWN = REPOSITORY / "routes.yaml"
# A part of the native module's data.
GENERATOR_TABLE = pack_table(GENERATOR)[:200]


def workspace_in(folder: Path) -> Workspace:
    """Makes a folder with tests/component/routes.yaml."""
    shutil.copy(Path(__file__).parent / "routes.yaml", folder)
    return Workspace(folder / "routes.yaml")


@pytest.fixture(scope="module")
def as_made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Builds the component as componentize-py makes it."""
    workspace = workspace_in(tmp_path_factory.mktemp("as-made"))
    assert build(workspace, print, flatten=False).warnings == ()
    return workspace


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Builds it as it ships."""
    workspace = workspace_in(tmp_path_factory.mktemp("shipped"))
    assert build_once(workspace).warnings == ()
    return workspace


def seen(exchange: Exchange | None) -> Any:
    assert exchange is not None
    return exchange.uri, exchange.headers, exchange.handoff, exchange.tunnel, exchange.answer


def outcomes(hosts: Sequence[Host], *request: Any, **facts: Any) -> list[Any]:
    """Returns what each component does with a request: the exchange, what a backend got, and the calls that change something."""
    asked = [(seen(host.ask(*request, **facts)), host.asked, host.target, host.calls.copy()) for host in hosts]
    return [(*others, [call for call in calls if not READING.fullmatch(call)]) for *others, calls in asked]


@pytest.fixture(scope="module")
def hosts(as_made: Workspace, shipped: Workspace) -> tuple[Host, Host]:
    return Host(as_made), Host(shipped)


def test_they_do_the_same(hosts: tuple[Host, Host]) -> None:
    """They change the same things of the host in the same order. The native `handle` reads more of a request than Python does."""
    for kind, request in REQUESTS.items():
        python, native = outcomes(hosts, *request)
        assert python == native, kind


NAMES = st.sampled_from(["x-a", "X-A", "cookie", "Connection", "upgrade", "Grip-Sig", "origin", "x_a", "pushpin-route", "meta-x"])
# A server lets no NUL and no CR in a value reach the edge. Viceroy refuses the line feeds that the host of the tests has.
VALUES = st.binary(max_size=40).map(lambda value: value.replace(b"\0", b"").replace(b"\r", b"")) | st.sampled_from(
    [b"", b"websocket", b"x-a", b"a\nx-a\tb", b"\n", b"v" * 9_000, b"v" * 60_000, b"v" * 65_535, b"v" * 65_536, b"v" * 70_000]
)
PATHS = st.sampled_from(["/x", "/rules", "/forward", "/tunnel", "/shared", "/guarded", "/test/stream", "/" + "p" * 16_400])
ADDRESSES = st.ip_addresses().map(str) | st.none()


@given(
    st.sampled_from(["GET", "POST", "get", "M" * 64, "M" * 65]),
    PATHS,
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
    ADDRESSES,
    st.sampled_from([None, "", "TLSv1.3"]),
)
def test_they_do_the_same_with_any_request(
    hosts: tuple[Host, Host], method: str, path: str, headers: list[tuple[str, bytes]], address: str | None, tls: str | None
) -> None:
    """Some of the requests are not gathered, because something is too long or has a line feed. Python reads them itself."""
    uri = f"http://www.example.com{path}"
    python, native = outcomes(hosts, uri, headers, b"", method=method, client_ip=address, tls=tls)
    assert python == native


def test_no_references_are_counted_to_what_lasts(as_made: Workspace, shipped: Workspace) -> None:
    """There are tens of thousands of such objects. Counting a reference would write to the page of the object."""
    mark, immortal = b"".join(MARK), (5 << 28).to_bytes(4, "little")
    assert [workspace.read_wasm().count(mark) for workspace in (as_made, shipped)] == [1, 0]
    assert shipped.read_wasm().count(immortal) - as_made.read_wasm().count(immortal) > 20_000


def wit(component: bytes, folder: Path) -> str:
    """Returns the WIT of a component, without the interface that only its build needs."""
    file = folder / "component.wasm"
    file.write_bytes(component)
    text = processes.run([toolchain.installed_program(toolchain.WASM_TOOLS), "component", "wit", file])
    return re.sub(r"\n  export exports: interface \{.*?\n  \}\n", "\n", text, flags=re.DOTALL)


def instances(component: bytes) -> int:
    return sum(isinstance(instance, ModuleInstance) for instance in read_core_definitions(component).instances)


def test_of_its_core_modules_one_is_left(as_made: Workspace, shipped: Workspace, tmp_path: Path) -> None:
    """wit-component's shim and fix-up are left, too."""
    before, after = as_made.wasm.read_bytes(), shipped.wasm.read_bytes()
    assert (instances(before) > 30, instances(after)) == (True, 3)
    assert wit(after, tmp_path) == wit(before, tmp_path)
    assert len(after) < 0.95 * len(before)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_is_joined_the_same_each_time(as_made: Workspace, tmp_path: Path, seed: str) -> None:
    joined = tmp_path / "joined.wasm"
    code = "import sys; from pathlib import Path; from fanroute.wasm.flatten import flatten"
    code += "; source, target = map(Path, sys.argv[1:]); target.write_bytes(flatten(source.read_bytes(), ['exports#init']))"
    command = [sys.executable, "-c", code, str(as_made.wasm), str(joined)]
    subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, check=True)
    assert joined.read_bytes() == flatten(as_made.wasm.read_bytes(), ["exports#init"])


def test_a_component_of_other_routes_behaves_differently(as_made: Workspace, shipped: Workspace, own_project: Workspace) -> None:
    compiled = compile_routes(as_made.read_routes(), INPUTS)
    assert behaves_as_planned(compiled, as_made.wasm, as_made.cache)
    assert behaves_as_planned(compiled, shipped.wasm, as_made.cache)
    assert not behaves_as_planned(compiled, own_project.wasm, as_made.cache)
    assert not behaves_as_planned(compiled, as_made.routes, as_made.cache), "it is no component"


@pytest.fixture(scope="module")
def unlinked(as_made: Workspace, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Builds the component that a base is made of."""
    new = tmp_path_factory.mktemp("unlinked") / "new.wasm"
    files = emit_base(app_files(compile_routes(as_made.read_routes(), INPUTS).plan), runtime_sources())
    for name, text in files.items():
        Folder(new.with_name("app")).write(name, text.encode())
    with toolchain.wit_folder_for(files) as wit:
        toolchain.componentize(new.with_name("app"), wit, new, with_native=True)
    return new.read_bytes()


@pytest.fixture
def project(tmp_path: Path, as_made: Workspace, unlinked: bytes, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Makes a folder in which componentize-py returns these components at once."""
    shutil.copy(as_made.routes, tmp_path)
    made = as_made.wasm.read_bytes()

    def componentize(app: Path, wit: Path, new: Path, with_native: bool = False) -> None:
        write(new, unlinked if with_native else made)

    monkeypatch.setattr(toolchain, "componentize", componentize)
    return Workspace(tmp_path / "routes.yaml")


def test_the_native_module_is_linked(as_made: Workspace, shipped: Workspace, unlinked: bytes) -> None:
    """No host is asked for its functions. A component that is not flattened does without them."""
    native = {P256_INTERFACE, GRIP_SIG_INTERFACE}
    found = [native & set(import_names(wasm)) for wasm in (unlinked, as_made.read_wasm(), shipped.read_wasm())]
    assert found == [native, set(), set()]
    assert GENERATOR_TABLE in shipped.read_wasm()
    assert GENERATOR_TABLE not in as_made.read_wasm()


def refuse(*_: object) -> bytes:
    raise BadComponent("a core module has a start function")


@pytest.mark.parametrize(
    ("of", "name", "value", "told"),
    [
        ("fanroute.bundle.toolchain", "core_module_of", refuse, "a core module has a start function"),
        ("fanroute.bundle.toolchain", "WASM_TOOLS", "no-wasm-tools", "no-wasm-tools failed: [Errno 2] No such file or directory"),
        ("fanroute.bundle.toolchain", "WORLD", "nothing", "wasm-tools failed: error: "),
        ("fanroute.bundle.equivalence", "behaves_as_planned", lambda *_: False, "the flattened component behaves differently"),
    ],
)
def test_what_cannot_be_flattened_ships_as_it_is(
    project: Workspace, as_made: Workspace, monkeypatch: pytest.MonkeyPatch, of: str, name: str, value: Any, told: str
) -> None:
    """The build prints one warning."""
    monkeypatch.setattr(f"{of}.{name}", value)
    done = CliRunner().invoke(main, ["build", str(project.routes)])
    assert done.exit_code == 0
    (warning,) = done.stderr.splitlines()
    assert f"main.wasm: warning: it is not flattened, so a request takes longer in a new sandbox: {told}" in warning
    assert project.wasm.read_bytes() == as_made.wasm.read_bytes()
    assert {path.name for path in project.build.iterdir()} == {"app", "good.wasm", "lock"}


def test_it_can_be_left_as_it_is(project: Workspace, as_made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option and a variable turn flattening off. A failed attempt is repeated, and each kind of component has its own key."""

    def stderr(*arguments: str, **environment: str) -> str:
        done = CliRunner().invoke(main, ["build", str(project.routes), *arguments], env=environment)
        assert done.exit_code == 0
        return done.stderr

    with monkeypatch.context() as patched:
        patched.setattr("fanroute.bundle.toolchain.core_module_of", refuse)
        assert stderr(FANROUTE_FLATTEN="0") == stderr("--no-flatten") == ""
        assert project.wasm.read_bytes() == as_made.wasm.read_bytes()
        assert stderr() == stderr() != ""
    assert stderr() == ""
    assert instances(project.wasm.read_bytes()) == 3
    assert stderr("--no-flatten") == ""
    assert project.wasm.read_bytes() == as_made.wasm.read_bytes()


def test_a_memory_that_hosts_copy_is_told(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanroute.wasm.flatten.image.is_mapped", lambda pieces: False)
    done = CliRunner().invoke(main, ["build", str(project.routes), "--no-flatten"])
    assert done.exit_code == 0
    (warning,) = done.stderr.splitlines()
    assert "main.wasm: warning: its data lie so far apart that hosts copy them for each sandbox" in warning
