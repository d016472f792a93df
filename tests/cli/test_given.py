"""Where the address to dial may come from."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, RunningListener


@pytest.mark.parametrize("form", ["  {}\t", "\n {}\r\n", "wrapped", "@file", "-"])
def test_an_address_may_be_pasted_with_spaces_or_come_from_a_file_or_stdin(
    form: str, command: Command, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "address"
    file.write_text(f" {address} \nanother line\n")
    wrapped = f"{address[:70]}\n  {address[70:]}"
    given = {"@file": f"@{file}", "wrapped": wrapped}.get(form) or form.format(address)
    done = command("address", given, "--json", stdin=f"{address}\n".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["address"] == address


def test_a_listener_takes_a_pasted_address_too(listen: Callable[..., RunningListener]) -> None:
    own = " /ip4/127.0.0.1/udp/0/webrtc-direct\n"
    assert listen(own, "--announce", own).address.startswith("/ip4/127.0.0.1/udp/")


def test_what_follows_the_address_on_stdin_is_for_the_command(command: Command, address: str) -> None:
    done = command("pipe", "-", "/echo/1.0.0", stdin=f"{address}\nhello\nworld\n".encode())
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"hello\nworld\n")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, b"No such file or directory"),
        ("", b"the first line is not an address"),
        ("\n/ip4/192.0.2.1", b"the first line is not an address"),
        ("two words\n", b"the first line is not an address"),
        ("x" * 70000, b"larger than 65536 bytes"),
    ],
)
def test_a_file_without_an_address_is_named(
    content: str | None, problem: bytes, command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "address"
    if content is not None:
        file.write_text(content)
    done = command("address", f"@{file}")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert str(file).encode() in done.stderr
    assert problem in done.stderr


def test_a_listener_writes_its_addresses_to_a_file(
    listen: Callable[..., RunningListener], command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "address"
    file.write_text("an old one\n")
    listener = listen("--address-file", str(file))
    assert file.read_text().splitlines() == listener.listening["addresses"]
    assert stat.S_IMODE(file.stat().st_mode) & 0o600 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["address"]
    assert command("dial", f"@{file}").returncode == 0


def test_a_file_that_cannot_be_written_is_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "no-folder" / "address"
    empty = command("listen", "--address-file", "")
    assert (empty.returncode, empty.stderr.count(b"\n")) == (1, 1)
    done = command("listen", "--address-file", str(file))
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert str(file).encode() + b": No such file or directory" in done.stderr
