"""How the command ends when it cannot do what it is asked for: one line, and the exit code."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import click
import pytest
from tests.support import unused_port

from webrtc_direct.cli.program import WORDS
from webrtc_direct.cli.program import command as program
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.identity import KeyPair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Command

DIALING = {
    "dial": (),
    "ping": (),
    "perf": (),
    "echo": (),
    "pipe": ("/echo/1.0.0",),
}


def an_address(port: int = 9) -> str:
    """Return an address that is good, whether or not somebody is there."""
    peer_id = KeyPair.generate().peer_id
    certhash = Certificate.generate().fingerprint.certhash
    return f"/ip4/127.0.0.1/udp/{port}/webrtc-direct/certhash/{certhash}/p2p/{peer_id}"


def test_the_overview_names_every_command(command: Command) -> None:
    result = command("--help")
    assert result.returncode == 0
    assert result.stderr == b""
    listed = result.stdout.decode().split("Commands:")[1]
    words = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert words[: len(WORDS)] == list(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_every_command_explains_itself(command: Command, word: str) -> None:
    result = command(word, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: webrtc-direct {word}".encode())


def test_what_an_option_takes_has_one_name_in_all_commands() -> None:
    names: dict[str, set[str]] = {}
    for command in every_command(program):
        for option in command.params:
            if not isinstance(option, click.Option) or option.is_flag or option.count:
                continue
            if not isinstance(option.type, click.Choice):
                # Where nobody has given one, click says INTEGER RANGE or TEXT.
                names.setdefault(option.opts[-1], set()).add(str(option.metavar))
    assert [(option, shown) for option, shown in names.items() if len(shown) > 1 or "None" in shown] == []


def every_command(group: click.Group) -> Iterator[click.Command]:
    """Yield the commands of *group*, and of the groups in it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield command
        if isinstance(command, click.Group):
            yield from every_command(command)


def test_without_a_command_the_overview_is_shown_as_an_error(command: Command) -> None:
    result = command()
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"Commands:" in result.stderr


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("fly",), "no command 'fly' (see webrtc-direct --help)"),
        (("dail",), "no command 'dail'; did you mean dial? (see webrtc-direct --help)"),
        (("identity", "shwo"), "no command 'shwo'; did you mean show?"),
        (("certificate", "nwe"), "no command 'nwe'; did you mean new?"),
        (("--verbos",), "no option --verbos; did you mean --verbose?"),
        (("dial", "--tmieout", "3"), "no option --tmieout; did you mean --timeout? (see webrtc-direct dial"),
        (("dial",), "MULTIADDR"),
        (("dial", "{address}", "--version", "v3"), "--version"),
        (("dial", "{address}", "--timeout", "0"), "--timeout"),
        (("dial", "{address}", "--timeout", "nan"), "--timeout"),
        (("dial", "{address}", "--count", "0"), "--count"),
        (("ping", "{address}", "-i", "-1"), "--interval"),
        (("ping", "{address}", "-c", "x"), "--count"),
        (("perf", "{address}", "--upload", "3Q"), "--upload"),
        (("perf", "{address}", "--streams", "0"), "--streams"),
        (("perf", "{address}", "--download", "0"), "'--download': '0' is nothing to send"),
        (("echo", "{address}", "--size", "-1"), "--size"),
        (("echo", "{address}", "--size", "0kB"), "'--size': '0kB' is nothing to send"),
        (("demo", "--size", "0"), "--size"),
        (
            ("dial", "{address}", "--timeout", "1e308"),
            "1e+308 is not a number of seconds above 0 and at most",
        ),
        (("listen", "--keep-alive", "1e300"), "'--keep-alive': 1e+300 is not a number of seconds"),
        (("ping", "{address}", "-i", "nan"), "nan is not a number of seconds from 0 to 86400"),
        (("ping", "{address}", "-c", "1000001"), "--count"),
        (("pipe", "{address}"), "PROTOCOL"),
        (("listen", "--nonsense"), "--nonsense"),
    ],
)
def test_a_bad_option_is_one_line_and_code_2(command: Command, words: tuple[str, ...], cause: str) -> None:
    result = command(*(word.format(address=an_address()) for word in words))
    assert_one_line(result.stderr, cause)
    assert (result.returncode, result.stdout) == (2, b"")


@pytest.mark.parametrize("word", DIALING)
@pytest.mark.parametrize(
    ("address", "component"),
    [
        ("example.org:4001", "multiaddr"),
        ("/ip4/127.0.0.1/tcp/4001", "tcp"),
        ("/ip4/127.0.0.1/udp/4001/webrtc-direct", "certhash"),
        ("/ip4/127.0.0.1/udp/4001/webrtc-direct/certhash/uEiBub3Q", "certhash"),
    ],
)
def test_a_bad_address_is_named_and_is_exit_code_2(
    command: Command, word: str, address: str, component: str
) -> None:
    result = command(word, address, *DIALING[word])
    assert_one_line(result.stderr, component)
    assert (result.returncode, result.stdout) == (2, b"")


def test_an_address_without_a_peer_id_needs_any_peer(command: Command) -> None:
    address, _, _ = an_address().partition("/p2p/")
    result = command("dial", address)
    assert_one_line(result.stderr, "p2p")
    assert result.returncode == 2


@pytest.mark.parametrize("address", ["/ip4/127.0.0.1/udp/4001", "nonsense"])
def test_an_address_that_cannot_be_listened_on_is_exit_code_2(command: Command, address: str) -> None:
    result = command("listen", address)
    assert_one_line(result.stderr, "webrtc-direct:")
    assert result.returncode == 2


def test_nobody_there_is_said_at_the_deadline(command: Command) -> None:
    started = time.monotonic()
    result = command("dial", an_address(), "--timeout", "1", "--json")
    took = time.monotonic() - started
    assert_one_line(result.stderr, "no answer in 1 s")
    assert (result.returncode, result.stdout) == (1, b"")
    assert 1 <= took < 60


def test_an_address_without_a_way_to_it_is_said_at_once(command: Command) -> None:
    result = command("dial", an_address().replace("127.0.0.1", "127.255.255.255"))
    assert_one_line(result.stderr, "this machine cannot send to 127.255.255.255 port 9: Permission denied")
    assert (result.returncode, result.stdout) == (1, b"")


def test_a_missing_file_is_one_line(command: Command, tmp_path: Path) -> None:
    result = command("dial", an_address(), "--identity", str(tmp_path / "none"))
    assert_one_line(result.stderr, "No such file")
    assert result.returncode == 1


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["listener", "page"])
def test_an_address_that_is_in_use_is_named(command: Command, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", unused_port()))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        address = (
            f"/ip4/127.0.0.1/udp/{port}/webrtc-direct" if kind == socket.SOCK_DGRAM else f"127.0.0.1:{port}"
        )
        result = command("listen", *([address] if kind == socket.SOCK_DGRAM else ["--web", address]))
    assert_one_line(result.stderr, f"{address}: Address already in use")
    assert (result.returncode, result.stdout) == (1, b"")


def test_a_fault_of_the_program_is_one_line_and_vv_says_where() -> None:
    program = (
        "import sys, webrtc_direct.cli.limits as limits; from webrtc_direct.cli.main import main\n"
        "limits.unit_of = lambda name: 1 // 0\n"
        "main(sys.argv[1:])\n"
    )
    for words, lines in (((), 1), (("-vv",), 10)):
        done = subprocess.run(
            [sys.executable, "-c", program, *words, "limits"], capture_output=True, timeout=60, check=False
        )
        said = done.stderr.decode().splitlines()
        assert (done.returncode, done.stdout) == (1, b"")
        assert said[-1].startswith("webrtc-direct: ZeroDivisionError: ")
        assert len(said) == 1 if lines == 1 else any("in <lambda>" in line for line in said)


def test_the_version_of_the_package_is_printed(command: Command) -> None:
    result = command("--version")
    assert result.returncode == 0
    assert result.stdout.startswith(b"webrtc-direct, version ")


def assert_one_line(stderr: bytes, cause: str) -> None:
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, stderr.decode()
    assert lines[0].startswith("webrtc-direct: ")
    assert cause in lines[0]
