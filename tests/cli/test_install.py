"""Tests how Pushpin is installed, from archives that the tests make: only signed and complete ones are accepted."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from fanroute.devserver import install, pushpin
from fanroute.devserver.pushpin import Pushpin
from fanroute.project.processes import ProgramFailed

NEEDED = ("apt-get", "dpkg-deb", "gpg")
pytestmark = [
    pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name} to make and read an archive") for name in NEEDED
]
# A program that says its version, and calls itself what its file is called, and the libraries that it runs with.
PROGRAM = Path("/usr/bin/gzip")


def run(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a folder with two keys, `ours` and `strangers`: each has a secret file (`NAME`) and a public one (`NAME.gpg`)."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "strangers"):
        (folder / name).mkdir(mode=0o700)
        gpg = ("gpg", "--homedir", folder / name, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        run(*gpg, "--quick-generate-key", name, "ed25519", "sign", "never")
        run(*gpg, "--output", folder / f"{name}.gpg", "--export", name)
        run("gpgconf", "--homedir", folder / name, "--kill", "gpg-agent")
    return folder


class Archive:
    """Represents an archive with a Pushpin, with the files that apt reads."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.folder = folder
        self.keys = keys
        self.url = f"copy:{folder}"
        self.packages: list[str] = []

    def add(self, name: str, version: str, files: Mapping[str, Path], depends: str = "") -> Path:
        """Adds a package that has these files."""
        tree, deb = self.folder / f"{name}.tree", self.folder / f"{name}.deb"
        for path, source in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tree / path)
        (tree / "DEBIAN").mkdir(parents=True)
        architecture = run("dpkg", "--print-architecture").strip()
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: x <x@example.com>\n"
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN" / "control").write_text(f"{control}Description: x\n")
        run("dpkg-deb", "-Znone", "--build", tree, deb)
        content = deb.read_bytes()
        found = f"Filename: {deb.name}\nSize: {len(content)}\nSHA256: {sha256(content).hexdigest()}\n"
        self.packages.append(f"{control}{found}Description: x\n")
        return deb

    def sign(self, key: str) -> None:
        """Writes the index, signed by a key, or unsigned if the key is empty."""
        architecture = run("dpkg", "--print-architecture").strip()
        index, suite = f"main/binary-{architecture}/Packages", self.folder / "dists" / "sid"
        content = "\n".join(self.packages).encode()
        (suite / index).parent.mkdir(parents=True, exist_ok=True)
        (suite / index).write_bytes(content)
        release = f"Suite: sid\nArchitectures: {architecture}\nComponents: main\nDate: Sun, 29 Nov 2026 00:00:00 UTC\nSHA256:\n"
        (suite / "Release").write_text(f"{release} {sha256(content).hexdigest()} {len(content)} {index}\n")
        if key:
            gpg = ("gpg", "--homedir", self.keys / key, "--batch", "--quiet", "--yes")
            run(*gpg, "--output", suite / "InRelease", "--clearsign", suite / "Release")
            run("gpgconf", "--homedir", self.keys / key, "--kill", "gpg-agent")

    def install(self, cache: Path) -> Pushpin:
        return pushpin.install_from_unstable(cache, print, self.keys / "ours.gpg", self.url)


@pytest.fixture
def archive(tmp_path: Path, keys: Path) -> Archive:
    """Makes an archive with a Pushpin 1.99, not yet signed. Its program is another one that starts and prints a version."""
    archive = Archive(tmp_path / "archive", keys)
    triplet = next(Path("/usr/lib").glob("*-linux-gnu*/libc.so.6")).parent
    names = ["libc.so.6", *(path.name for path in triplet.glob("ld-linux*.so.*"))]
    archive.add("libc6", "1", {f"usr/lib/{triplet.name}/{name}": triplet / name for name in names})
    programs = dict.fromkeys(("usr/bin/pushpin", "usr/bin/pushpin-proxy"), PROGRAM)
    settings = tmp_path / "internal.conf"
    settings.write_text("[proxy]\n")
    archive.add("pushpin", "1.99.0-1", {**programs, "usr/lib/pushpin/internal.conf": settings}, "libc6")
    return archive


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "a cache" / "fanroute"


def test_a_signed_archive_is_installed(archive: Archive, cache: Path) -> None:
    archive.sign("ours")
    found = archive.install(cache)
    assert found.program == cache / "pushpin-1.99.0-1" / "pushpin"
    assert run(PROGRAM, "--version").startswith(f"gzip {found.version}\n")
    assert [path.name for path in cache.iterdir()] == ["pushpin-1.99.0-1"]
    assert cache.stat().st_mode & 0o777 == 0o700
    assert str(cache) in run("ldd", cache / "pushpin-1.99.0-1/usr/bin/pushpin").splitlines()[-1]
    assert archive.install(cache) == found, "one that is there is kept"


def _unsigned(archive: Archive) -> None:
    archive.sign("")


def _signed_by_a_stranger(archive: Archive) -> None:
    archive.sign("strangers")


def _index_changed(archive: Archive) -> None:
    archive.sign("ours")
    index = next(archive.folder.rglob("Packages"))
    index.write_text(index.read_text().replace("1.99.0-1", "1.99.0-2"))


def _package_changed(archive: Archive) -> None:
    archive.sign("ours")
    deb = archive.folder / "pushpin.deb"
    content = deb.read_bytes()
    deb.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _package_cut(archive: Archive) -> None:
    archive.sign("ours")
    deb = archive.folder / "pushpin.deb"
    deb.write_bytes(deb.read_bytes()[:-100])


def _package_missing(archive: Archive) -> None:
    archive.sign("ours")
    (archive.folder / "libc6.deb").unlink()


def _too_old(archive: Archive) -> None:
    archive.packages[-1] = archive.packages[-1].replace("1.99.0-1", "1.39.1-1")
    archive.sign("ours")


def _no_loader(archive: Archive) -> None:
    archive.packages[-1] = archive.packages[-1].replace("Depends: libc6\n", "")
    archive.sign("ours")


def _nothing_there(archive: Archive) -> None:
    shutil.rmtree(archive.folder)


BAD = {
    _unsigned: "is not signed",
    _signed_by_a_stranger: "NO_PUBKEY",
    _index_changed: "Hash Sum mismatch",
    _package_changed: "Hash Sum mismatch",
    _package_cut: "Hash Sum mismatch",
    _package_missing: "No such file",
    _too_old: "has no Pushpin 1.40 or later",
    _no_loader: "the packages have no ld-linux",
    _nothing_there: "does not have a Release file",
}


@pytest.mark.parametrize(("spoil", "reason"), BAD.items(), ids=[spoil.__name__[1:] for spoil in BAD])
def test_a_bad_archive_leaves_nothing(archive: Archive, cache: Path, spoil: Callable[[Archive], None], reason: str) -> None:
    spoil(archive)
    with pytest.raises(ProgramFailed) as failed:
        archive.install(cache)
    assert reason in failed.value.output
    assert list(cache.iterdir()) == []


def test_the_machines_own_settings_cannot_weaken_it(
    archive: Archive, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that no hook of this machine runs, as it could clean system folders, and that no setting allows unsigned archives."""
    trace = tmp_path / "trace"
    settings = f"""\
APT::Update::Pre-Invoke {{"touch {trace}";}};
APT::Update::Post-Invoke-Success {{"touch {trace}";}};
DPkg::Pre-Install-Pkgs {{"touch {trace}";}};
APT::Default-Release "bookworm";
APT::Get::AllowUnauthenticated "true";
Acquire::AllowInsecureRepositories "true";
Acquire::AllowWeakRepositories "true";
"""
    (tmp_path / "apt.conf").write_text(settings)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    archive.sign("")
    with pytest.raises(ProgramFailed):
        archive.install(cache)
    archive.sign("ours")
    archive.install(cache)
    assert not trace.exists()


def test_the_system_stays_as_it_is(archive: Archive, cache: Path) -> None:
    """Tests that nothing is written to the state of apt and dpkg on this system."""
    folders = [
        Path("/var/lib/apt"),
        Path("/var/lib/apt/lists"),
        Path("/var/cache/apt"),
        Path("/var/cache/apt/archives"),
        Path("/var/lib/dpkg"),
    ]
    before = [folder.stat().st_mtime_ns for folder in folders if folder.exists()]
    archive.sign("ours")
    archive.install(cache)
    assert [folder.stat().st_mtime_ns for folder in folders if folder.exists()] == before


def test_a_broken_one_is_replaced(archive: Archive, cache: Path) -> None:
    archive.sign("ours")
    found = archive.install(cache)
    (found.program.parent / "usr" / "bin" / "pushpin").unlink()
    assert pushpin.find_newest(cache) != found
    assert archive.install(cache) == found
    assert [path.name for path in cache.iterdir()] == ["pushpin-1.99.0-1"]


@pytest.mark.parametrize("name", ["a'quote", "a:colon", "a,comma", 'a"quote', "a|bar", "a\nline", "$(echo)"])
def test_a_cache_that_no_file_can_name(archive: Archive, tmp_path: Path, name: str) -> None:
    archive.sign("ours")
    with pytest.raises(ProgramFailed) as failed:
        archive.install(tmp_path / name)
    assert "set XDG_CACHE_HOME" in failed.value.output
    assert not (tmp_path / name).exists()


def _says(folder: Path, text: str, code: int = 0) -> Path:
    """Makes a program that prints a text."""
    folder.mkdir(parents=True)
    program = folder / "pushpin"
    program.write_text(f"#!/bin/sh\necho '{text}'\nexit {code}\n")
    program.chmod(0o700)
    return program


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes a Pushpin 1.36.0 of the system."""
    program = _says(tmp_path / "system", "pushpin 1.36.0")
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


def test_the_newest_is_chosen(system: Path, cache: Path) -> None:
    """Tests that versions are compared by number, and that a program counts only if it starts."""
    assert pushpin.find_newest(cache) == Pushpin(system, "1.36.0")
    _says(cache / "pushpin-1.9.0-1", "pushpin 1.9.0")
    assert pushpin.find_newest(cache) == Pushpin(system, "1.36.0")
    _says(cache / "pushpin-1.100.0-1", "pushpin 1.100.0", code=1)
    _says(cache / "pushpin-2.0.0-1", "no number")
    _says(cache / "pushpin-3.0.0-1", "viceroy 3.0.0")
    assert pushpin.find_newest(cache) == Pushpin(system, "1.36.0")
    newer = _says(cache / "pushpin-1.41.0-7", "pushpin 1.41.0")
    assert pushpin.find_newest(cache) == Pushpin(newer, "1.41.0")


@pytest.mark.parametrize(
    "said", ["gzip 1.12", "pushpin-proxy 1.41.0", "condure 1.9.1", "1.41.0", "pushpin", "not pushpin 1.41.0", ""]
)
def test_another_program_is_no_pushpin(tmp_path: Path, said: str) -> None:
    program = _says(tmp_path / "other", said)
    with pytest.raises(ProgramFailed) as failed:
        pushpin.identify(program)
    assert str(failed.value) == f"{program} failed"
    assert failed.value.output.startswith("it is not Pushpin, whose --version prints 'pushpin' and a version: ")


@pytest.mark.parametrize("said", ["pushpin 1.41.0", "pushpin 1.42.0-dev", "a warning\npushpin 1.41"])
def test_a_pushpin_is_known_by_what_it_says(tmp_path: Path, said: str) -> None:
    assert pushpin.identify(_says(tmp_path / "any name", said)).version in ("1.41.0", "1.42.0", "1.41")


def test_what_is_current_is_kept(system: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushpin, "install_from_unstable", None)
    newer = _says(cache / "pushpin-1.40.1-1", "pushpin 1.40.1")
    assert install.ensure_pushpin(cache, print) == Pushpin(newer, "1.40.1")


def test_the_systems_is_used_where_no_newer_one_can_be_had(
    system: Path, archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.sign("strangers")
    monkeypatch.setattr(pushpin, "_archive", lambda apt: archive.url)
    assert install.ensure_pushpin(cache, print) == Pushpin(system, "1.36.0")
    said = capsys.readouterr().out
    assert "Cannot install Pushpin 1.40 or later here: " in said
    assert "Using the system's Pushpin 1.36.0" in said


def test_a_missing_key_is_told(archive: Archive, cache: Path) -> None:
    archive.sign("ours")
    with pytest.raises(ProgramFailed) as failed:
        pushpin.install_from_unstable(cache, print, archive.keys / "none.gpg", archive.url)
    assert "none.gpg is missing: install debian-archive-keyring" in failed.value.output


def test_a_system_without_debians_archive_is_told(tmp_path: Path) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho https://example.com/ubuntu/\n")
    apt.chmod(0o755)
    with pytest.raises(ProgramFailed) as failed:
        pushpin._archive(apt)
    assert "its sources have no mirror of Debian's archive" in failed.value.output


def test_a_configuration_is_completed(tmp_path: Path) -> None:
    """Tests that the installed Pushpin gets its own settings and leaves no copy behind. Other arguments stay the same."""
    folder, configuration = tmp_path / "pushpin-1.41.0-7", tmp_path / "pushpin.conf"
    (folder / "usr" / "bin").mkdir(parents=True)
    (folder / "usr" / "bin" / "pushpin").write_text('#!/bin/sh\necho "$@"; command -v pushpin; cat "${1#--config=}"')
    (folder / "usr" / "bin" / "pushpin").chmod(0o700)
    (folder / "pushpin").write_text(pushpin.start_script(folder))
    configuration.write_text("[global]\ninclude={libdir}/internal.conf\n[handler]\npush_in_http_port=1\n")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = ["sh", folder / "pushpin", f"--config={configuration}", "--verbose", "two words"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    assert re.fullmatch(r"--config=/proc/\d+/fd/9 --verbose two words", said[0])
    assert said[1:] == [
        f"{folder}/usr/bin/pushpin",
        "[global]",
        f"include={folder}/usr/lib/pushpin/internal.conf",
        "[handler]",
        "push_in_http_port=1",
    ]
    command[2] = f"--config={tmp_path / 'missing.conf'}"
    assert subprocess.run(command, check=False, capture_output=True, env=environment).returncode != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pushpin-1.41.0-7", "pushpin.conf"]
