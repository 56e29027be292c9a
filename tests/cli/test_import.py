"""Tests `fanroute import` and `fanroute export` as a user runs them."""

from pathlib import Path

import pytest

from tests.cli.test_init import CALLED, fanroute

ROUTES = "# ours\n*,path_beg=/events/,aco app.example.com:443,ssl,over_http\n* www.example.com:443,ssl,over_http\n"
MADE = """# Made by `fanroute import` from routes.
version: 1
service: {name: edge}

backends:
  app: {url: "https://app.example.com"}
  www: {url: "https://www.example.com"}

routes:
  # line 2: aco: no CORS headers are added: have the backend send them
  - match: {path: /events/*}
    handoff: app
  - handoff: www
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "edge"
    (folder / "pushpin").mkdir(parents=True)
    (folder / "pushpin" / "routes").write_text(ROUTES)
    return folder


@pytest.mark.parametrize("source", ["pushpin", "pushpin/routes"])
def test_a_file_is_imported_and_checked(folder: Path, source: str) -> None:
    done = fanroute(folder, "import", source)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Made routes.yaml from pushpin/routes (Pushpin's routes): 2 routes",
        "pushpin/routes:2: aco: no CORS headers are added: have the backend send them",
        "routes.yaml: 1 note",
    ]
    assert done.stderr.startswith("routes.yaml:13:14: note[FR410]")
    assert done.stderr.endswith(f"Next: look at the 1 comment in it, then run {CALLED} check\n")
    assert (folder / "routes.yaml").read_text() == MADE
    assert fanroute(folder, "fmt", "--check").returncode == 0


def test_a_file_is_recognized_by_its_content(folder: Path) -> None:
    (folder / "pushpin" / "routes").rename(folder / "edge.conf")
    assert fanroute(folder, "import", "edge.conf").returncode == 0
    (folder / "edge.conf").write_text("hello\n")
    done = fanroute(folder, "import", "edge.conf", "--force")
    assert (done.returncode, done.stdout) == (1, "")
    assert "edge.conf is none of the files that can be imported (Pushpin's routes, Netlify's _redirects, " in done.stderr
    done = fanroute(folder, "import", "edge.conf", "--force", "--from", "pushpin-routes")
    assert done.stderr == "edge.conf:1: error: left out: the line has no target, so nothing is made\n"


def test_the_code_in_a_folder_is_imported_if_it_looks_like_a_kit(folder: Path) -> None:
    kit = folder / "kit" / "src"
    kit.mkdir(parents=True)
    (kit / "index.js").write_text("f()\n")
    assert "kit has none of these files: routes, " in fanroute(folder, "import", "kit").stderr
    (kit / "main.rs").write_text('fn main() {\n    req.handoff_fanout("app")?;\n}\n')
    done = fanroute(folder, "import", "kit")
    assert "Made routes.yaml from kit/src/main.rs (the code of a Fanout starter kit): 1 route\n" in done.stdout
    assert (folder / "routes.yaml").read_text().endswith("\nroutes:\n  - handoff: app\n")


@pytest.mark.parametrize("name", ["openapi.yaml", "api.txt"])
def test_an_openapi_document_is_imported(folder: Path, name: str) -> None:
    (folder / name).write_text("# ours\nopenapi: 3.0.0\nservers: [{url: https://api.example.com}]\npaths: {/a: {get: {}}}\n")
    done = fanroute(folder, "import", name)
    assert done.returncode == 0, done.stderr
    assert f"Made routes.yaml from {name} (an OpenAPI document): 1 route\n" in done.stdout
    assert f"{name}:4: parameters and contents are checked by the backend" in done.stdout


@pytest.mark.parametrize("name", ["vercel.json", "site.txt"])
def test_a_vercel_json_is_imported(folder: Path, name: str) -> None:
    (folder / name).write_text(
        '\ufeff{\r\n\t"rewrites": [\r\n\t{"source": "/api/(.*)", "destination": "https://api.example.com/api/$1"}]}\r\n'
    )
    done = fanroute(folder, "import", name)
    assert done.returncode == 0, done.stderr
    assert f"Made routes.yaml from {name} (vercel.json): 2 routes" in done.stdout
    assert f"{name}:3: Vercel prefers a file of that path" in done.stdout
    assert fanroute(folder, "fmt", "--check").returncode == 0


@pytest.mark.parametrize("name", ["netlify.toml", "site.txt"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_netlify_toml_is_imported(folder: Path, name: str, mark: str) -> None:
    table = f'{mark}[[redirects]]\r\nfrom = "/api/*"\r\nto = "https://api.example.com/api/:splat"\r\nstatus = 200\r\n'
    (folder / name).write_text(table, newline="")
    done = fanroute(folder, "import", name)
    assert done.returncode == 0, done.stderr
    assert f"Made routes.yaml from {name} (netlify.toml): 2 routes" in done.stdout
    assert f"{name}:1: without 'force = true'" in done.stdout
    assert "forward: api" in (folder / "routes.yaml").read_text()
    assert fanroute(folder, "fmt", "--check").returncode == 0


@pytest.mark.parametrize("name", ["_redirects", "site.txt"])
def test_redirects_are_imported(folder: Path, name: str) -> None:
    (folder / name).write_text("/old/:page /new/:page 302!\n/* /index.html 200\n")
    done = fanroute(folder, "import", name)
    assert done.returncode == 0, done.stderr
    assert f"Made routes.yaml from {name} (Netlify's _redirects): 2 routes" in done.stdout
    assert "redirect: {location: /new/{page}, keep_query: true}" in (folder / "routes.yaml").read_text().replace('"', "").replace(
        ", status: 302", ""
    )
    assert fanroute(folder, "fmt", "--check").returncode == 0


def test_a_folder_with_several_files_is_not_guessed_at(folder: Path) -> None:
    (folder / "pushpin" / "_redirects").write_text("/a /b\n")
    done = fanroute(folder, "import", "pushpin")
    assert done.returncode == 1
    assert done.stderr.endswith("has several files that can be imported: name one of pushpin/routes, pushpin/_redirects\n")


def test_an_existing_file_is_replaced_by_force_only(folder: Path) -> None:
    (folder / "routes.yaml").write_text("mine\n")
    done = fanroute(folder, "import", "pushpin")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: routes.yaml exists already: name another file with --routes, or replace it with --force\n"
    assert (folder / "routes.yaml").read_text() == "mine\n"
    assert fanroute(folder, "import", "pushpin", "--force").returncode == 0
    assert (folder / "routes.yaml").read_text() == MADE
    assert fanroute(folder, "import", "pushpin", "--routes", "new/edge.yaml").returncode == 0
    assert (folder / "new/edge.yaml").read_text() == MADE.replace("name: edge", "name: new")


def test_no_link_is_followed_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    for force in ([], ["--force"]):
        (folder / "routes.yaml").unlink(missing_ok=True)
        (folder / "routes.yaml").symlink_to(tmp_path / "outside")
        assert fanroute(folder, "import", "pushpin", *force).returncode == 1
        assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "routes:1:1: error[FR102]: the file is not UTF-8 text"),
        (b"* a.com:80\n* \x1b[31m:80\n", "routes:2:3: error[FR102]: the file contains a control character"),
        (b"a" * (4 << 20) + b"a", "routes:1:1: error[FR101]: the file cannot be read: it has more than 4,194,304 bytes"),
        (b"\n", "routes: error: it has no line that gives a route, so nothing is made"),
    ],
    ids=["bytes", "control", "huge", "empty"],
)
def test_a_hostile_file_is_refused(folder: Path, content: bytes, message: str) -> None:
    (folder / "routes").write_bytes(content)
    done = fanroute(folder, "import", "routes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert not (folder / "routes.yaml").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vercel.json", '{"redirects": []}'.encode("utf-16"), "vercel.json:1:1: error[FR102]: the file is not UTF-8 text"),
        ("netlify.toml", b'[[redirects]]\nfrom = "\xe9"\n', "netlify.toml:2:9: error[FR102]: the file is not UTF-8 text"),
        (
            "openapi.json",
            b'{"openapi": "3.0.0", "openapi": "3.0.0"}',
            "openapi.json:1: error: the key 'openapi' appears twice in",
        ),
        (
            "openapi.yaml",
            b"openapi: 3.0.0\npaths: " + b"[" * 9000,
            "openapi.yaml:2: error: it is nested too deeply, so nothing is made",
        ),
        ("vercel.json", b'{"a": ' * 9000, "vercel.json: error: it is nested too deeply, so nothing is made"),
        ("src/index.js", b"createFanoutHandoff(" + b"{" * 9000, "src/index.js"),
    ],
)
def test_a_hostile_file_of_each_kind_is_refused(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    done = fanroute(folder, "import", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("error") == 1
    assert not (folder / "routes.yaml").exists()


def test_links_are_files_or_nothing(folder: Path) -> None:
    site = folder / "site"
    site.mkdir()
    (site / "vercel.json").symlink_to("nowhere")
    assert "site has none of these files: " in fanroute(folder, "import", "site").stderr
    (site / "netlify.toml").symlink_to(site / "netlify.toml")
    assert "site has none of these files: " in fanroute(folder, "import", "site").stderr
    (site / "_redirects").symlink_to(folder / "pushpin" / "routes")
    assert fanroute(folder, "import", "site", "--from", "netlify-redirects").returncode == 1


def test_a_missing_file_is_named(folder: Path) -> None:
    assert fanroute(folder, "import", "nothing").stderr.startswith("nothing:1:1: error[FR101]")
    assert fanroute(folder, "import", ".").stderr.startswith("error: . has none of these files: routes, _redirects, ")


def test_an_export_can_be_imported(folder: Path) -> None:
    fanroute(folder, "import", "pushpin")
    done = fanroute(folder, "export", "pushpin-routes")
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "again").write_text(done.stdout)
    assert fanroute(folder, "import", "again", "--routes", "again.yaml").returncode == 0
    assert fanroute(folder, "diff", "routes.yaml", "again.yaml").returncode == 0


def test_an_export_names_what_is_left_out(folder: Path) -> None:
    (folder / "routes.yaml").write_text(MADE.replace("path: /events/*", "path: /events/*, method: GET"))
    done = fanroute(folder, "export", "pushpin-routes")
    words = "route 'route-1': left out, because Pushpin cannot match `method`. Its requests get another line, or none"
    assert (done.returncode, done.stderr) == (0, f"routes.yaml:11: {words}\n")
    assert done.stdout.splitlines()[1] == f"# routes.yaml:11: {words}"
    keys = "auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}"
    (folder / "routes.yaml").write_text(f"{MADE}    {keys}\n")
    done = fanroute(folder, "export", "pushpin-routes")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "routes.yaml:13: error: route 'route-2' needs a token, which Pushpin does not check, so nothing is exported\n"
    )
