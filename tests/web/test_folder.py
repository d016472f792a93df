"""A page of the user's own: what is read of its folder, and that nothing else is ever served."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.web.support import read_all, serving

from webrtc_direct.web.bounds import WebBounds
from webrtc_direct.web.folder import read_folder
from webrtc_direct.web.responses import LISTENER_JSON, POLICY, POLICY_WITH_WASM

if TYPE_CHECKING:
    from pathlib import Path

    from webrtc_direct.web.files import File

FEW = WebBounds(max_page_files=3, max_page_bytes=100)
SECRET = b"not for the web"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a page, and a secret beside it."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_bytes(b"<!doctype html>")
    return folder


def read(folder: Path, bounds: WebBounds | None = None) -> dict[str, File]:
    return read_folder(folder, bounds or WebBounds())


def test_the_files_are_there_under_their_names_and_the_index_at_the_root(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c.js").write_bytes(b"1")
    table = read(folder)
    assert {path: file.body for path, file in table.items()} == {
        "/": b"<!doctype html>",
        "/index.html": b"<!doctype html>",
        "/a/b/c.js": b"1",
    }


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("x.html", "text/html; charset=utf-8"),
        ("x.css", "text/css; charset=utf-8"),
        ("x.js", "text/javascript; charset=utf-8"),
        ("x.min.mjs", "text/javascript; charset=utf-8"),
        ("x.wasm", "application/wasm"),
        ("x.json", "application/json"),
        ("x-1.0-py3-none-any.whl", "application/zip"),
        ("x.zip", "application/zip"),
        ("x.py", "text/x-python; charset=utf-8"),
        ("x.PNG", "image/png"),
        ("x.exe", "application/octet-stream"),
        ("x", "application/octet-stream"),
    ],
)
def test_the_suffix_says_the_type(folder: Path, name: str, content_type: str) -> None:
    (folder / name).touch()
    assert read(folder)[f"/{name}"].content_type == content_type


async def test_names_are_served_as_browsers_ask_for_them(folder: Path) -> None:
    for name in ("two words.txt", "ä.txt", "a+b.txt", "100%.txt", "what?.txt"):
        (folder / name).write_text(name)
    async with serving(page=read(folder)) as served:
        for target, body in {
            "/two%20words.txt": "two words.txt",
            "/%C3%A4.txt": "ä.txt",
            "/a+b.txt": "a+b.txt",
            "/100%25.txt": "100%.txt",
            "/what%3F.txt": "what?.txt",
        }.items():
            assert (await served.get(target)).body.decode() == body


def test_what_begins_with_a_dot_is_left_out(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").touch()
    (folder / ".env").symlink_to(folder.parent / "secret.txt")
    assert set(read(folder)) == {"/", "/index.html"}


def test_a_link_within_the_folder_is_followed_to_a_file(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "real.txt").write_bytes(b"real")
    (folder / "link.txt").symlink_to("data/real.txt")
    assert read(folder)["/link.txt"].body == b"real"


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert set(read(link)) == {"/", "/index.html"}


def make_link_out(folder: Path) -> None:
    (folder / "x").symlink_to(folder.parent / "secret.txt")


def make_link_to_neighbour(folder: Path) -> None:
    # Its name begins as that of the folder does.
    neighbour = folder.with_name("page-2")
    neighbour.mkdir()
    (neighbour / "file").touch()
    (folder / "x").symlink_to(neighbour / "file")


def make_folder_link_out(folder: Path) -> None:
    (folder / "x").symlink_to(folder.parent)


def make_links_out_in_two_steps(folder: Path) -> None:
    (folder / "x").symlink_to("z")
    (folder / "z").symlink_to("../secret.txt")


def make_folder_link(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "x").symlink_to(folder)


def make_hidden_link(folder: Path) -> None:
    (folder / ".env").write_bytes(SECRET)
    (folder / "x").symlink_to(".env")


def make_pipe(folder: Path) -> None:
    os.mkfifo(folder / "x")


def make_link_to_a_pipe(folder: Path) -> None:
    (folder / "sub").mkdir()
    os.mkfifo(folder / "sub" / "z")
    (folder / "sub" / "x").symlink_to("z")


def make_too_many(folder: Path) -> None:
    for number in range(3):
        (folder / f"{number}.txt").touch()


def make_too_large(folder: Path) -> None:
    (folder / "x").write_bytes(bytes(100))


def make_no_index(folder: Path) -> None:
    (folder / "index.html").rename(folder / "home.html")


def make_own_api(folder: Path) -> None:
    (folder / LISTENER_JSON[1:]).touch()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (make_link_out, r"^x: a link that leads out of the folder$"),
        (make_link_to_neighbour, r"^x: a link that leads out of the folder$"),
        (make_folder_link_out, r"^x: a link that leads out of the folder$"),
        (make_links_out_in_two_steps, r"^x: a link that leads out of the folder$"),
        (make_folder_link, r"^sub/x: not a regular file$"),
        (make_hidden_link, r"^x: a link to what begins with a dot$"),
        (make_pipe, r"^x: not a regular file$"),
        (make_link_to_a_pipe, r"^sub/x: not a regular file$"),
        (make_too_many, r"^there are more than 3 files$"),
        (make_too_large, r"^x: with it there are more than 100 bytes$"),
        (make_no_index, r"^there is no index\.html$"),
        (make_own_api, r"^listener\.json: this is what the listener answers itself$"),
    ],
)
def test_what_cannot_be_served_is_an_error_that_names_it(folder: Path, spoil: object, problem: str) -> None:
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(ValueError, match=problem):
        read(folder, FEW)


def test_exactly_as_much_as_there_is_room_for_is_served(folder: Path) -> None:
    (folder / "x").write_bytes(bytes(FEW.max_page_bytes - len(b"<!doctype html>")))
    (folder / "y").touch()
    assert len(read(folder, FEW)) == 4


@pytest.mark.parametrize("target", ["nowhere", "x"])
def test_a_link_to_nothing_or_to_itself_cannot_be_read(folder: Path, target: str) -> None:
    (folder / "x").symlink_to(target)
    with pytest.raises(OSError, match=target):
        read(folder)


async def test_only_such_a_page_may_compile_webassembly(folder: Path) -> None:
    async with serving(page=read(folder)) as served:
        headers = (await served.get("/")).headers
        assert headers["content-security-policy"] == POLICY_WITH_WASM.lower()
        assert (await served.get(LISTENER_JSON)).headers["content-security-policy"] == POLICY.lower()
        assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert POLICY_WITH_WASM.replace(" 'wasm-unsafe-eval'", "") == POLICY
    assert "'unsafe-eval'" not in POLICY_WITH_WASM
    assert "'unsafe-inline'" not in POLICY_WITH_WASM


async def test_it_takes_the_place_of_the_built_in_page_and_has_its_guards(folder: Path) -> None:
    async with serving(page=read(folder)) as served:
        assert (await served.get("/")).body == b"<!doctype html>"
        assert (await served.get("/main.js")).status == 404
        assert (await served.get(LISTENER_JSON)).status == 200
        assert (await served.get("/", host="evil.example")).status == 421
        assert (await served.get("/", "Origin: http://evil.example")).status == 403
        assert (await served.get(method="POST")).status == 405


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/sub/../../secret.txt", "//secret.txt",
        "/..\\secret.txt", "/./index.html", "/sub", "/sub/", "/.env", "/%2eenv", "/index.html/", "/later.txt",
        "/index.html%00", "/INDEX.HTML",
    ],
)  # fmt: skip
async def test_nothing_outside_is_ever_served(folder: Path, target: str) -> None:
    (folder / "sub").mkdir()
    (folder / ".env").write_bytes(SECRET)
    page = read(folder)
    (folder / "later.txt").write_bytes(SECRET)
    async with serving(page=page) as served:
        status, _, body = await served.get(target)
        assert (status, SECRET in body) == (404, False)


async def test_files_are_served_as_they_were_at_the_start(folder: Path) -> None:
    page = read(folder)
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(folder.parent / "secret.txt")
    async with serving(page=page) as served:
        assert (await served.get("/")).body == b"<!doctype html>"


async def test_a_large_file_arrives_whole_and_takes_as_long_as_it_may(folder: Path) -> None:
    content = os.urandom(3_000_001)
    (folder / "large.whl").write_bytes(content)
    # At the least rate it takes a second.
    bounds = WebBounds(response_timeout=0.2, least_rate=3_000_001)
    async with serving(bounds=bounds, page=read(folder)) as served:
        assert (await served.get("/large.whl")).body == content
        head = await served.get("/large.whl", method="HEAD")
        assert (head.headers["content-length"], head.body) == (str(len(content)), b"")
        responses = await served.exchange(2 * served.request("/large.whl"))
        assert responses.count(content) == 2
        async with await served.connect() as slow:
            await slow.send(served.request("/large.whl", "Connection: close"))
            await anyio.sleep(0.6)
            assert (await read_all(slow)).endswith(content)


async def test_who_takes_a_large_file_too_slowly_is_hung_up_on(folder: Path) -> None:
    (folder / "large.whl").write_bytes(bytes(32_000_000))
    bounds = WebBounds(response_timeout=0.2, least_rate=320_000_000)
    async with serving(bounds=bounds, page=read(folder)) as served, await served.connect() as slow:
        await slow.send(served.request("/large.whl"))
        await anyio.sleep(1)
        assert not served.server._clients
        # What sockets hold is all there is.
        assert len(await read_all(slow)) < 32_000_000
