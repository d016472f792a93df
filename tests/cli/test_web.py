"""``webrtc-direct listen --web``: where the page is, and when it cannot be."""

from __future__ import annotations

import http.client
import json
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.cli.conftest import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, RunningListener


def get(url: str, path: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        return response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("address", ["0", "127.0.0.1:0", "[::1]:0"])
def test_the_page_is_where_the_event_says_and_knows_the_listener(
    command: Command, listen: Callable[..., RunningListener], address: str
) -> None:
    listener = listen("--web", address)
    event = listener.next_event()
    assert event["event"] == "web"
    assert b"<!doctype html>" in get(event["url"], "/")
    # It offers what the page measures.
    assert command("echo", listener.address, "--size", "10").returncode == 0
    assert command("perf", listener.address, "--upload", "10").returncode == 0
    told = json.loads(get(event["url"], "/listener.json"))
    assert (told["addresses"], told["connections_total"]) == ([listener.address], 2)
    code, _, err = listener.end(signal.SIGTERM)
    assert (code, err) == (0, b"")


def test_where_others_reach_it_that_is_said(listen: Callable[..., RunningListener]) -> None:
    listener = listen("--web", "0.0.0.0:0")
    url = listener.next_event()["url"]
    assert url.startswith("http://127.0.0.1:")
    code, _, err = listener.end(signal.SIGINT)
    (line,) = err.decode().splitlines()
    assert code == 0
    assert f"everybody who reaches 0.0.0.0:{urlsplit(url).port} sees the connections" in line


def test_a_port_that_is_taken_is_one_line(command: Command, listen: Callable[..., RunningListener]) -> None:
    taken = urlsplit(listen("--web", "0").next_event()["url"]).netloc
    result = command("listen", "--web", taken)
    assert (result.returncode, result.stdout) == (1, b"")
    (line,) = result.stderr.decode().splitlines()
    assert line == f"webrtc-direct: {taken}: Address already in use"


def test_a_page_that_is_open_does_not_hold_up_the_end(listen: Callable[..., RunningListener]) -> None:
    listener = listen("--web", "0")
    parts = urlsplit(listener.next_event()["url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    connection.request("GET", "/listener.json")
    connection.getresponse().read()
    assert listener.end(signal.SIGINT)[0] == 0
    connection.close()


def test_a_page_of_one_s_own_takes_the_place_of_the_built_in_one(
    listen: Callable[..., RunningListener], tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>mine</title>")
    listener = listen("--web", "0", "--web-page", str(tmp_path))
    url = listener.next_event()["url"]
    assert get(url, "/") == b"<!doctype html><title>mine</title>"
    assert json.loads(get(url, "/listener.json"))["addresses"] == [listener.address]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--web-page", "."), "--web-page needs --web"),
        (("--web", "0", "--web-page", "nowhere"), "Directory 'nowhere' does not exist"),
        (("--web", "0", "--web-page", "file"), "Directory 'file' is a file"),
        (("--web", "0", "--web-page", "."), "Invalid value for '--web-page': there is no index.html"),
    ],
)
def test_a_folder_that_cannot_be_served_is_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = command("listen", *words)
    assert (result.returncode, result.stdout) == (2, b"")
    (line,) = result.stderr.decode().splitlines()
    assert problem in line
    assert line.endswith("(see webrtc-direct listen --help)")
