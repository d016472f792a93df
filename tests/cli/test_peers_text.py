"""What a peer says of itself is shown as text, whatever its bytes are and wherever it is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command

PEER = Path(__file__).with_name("strange_peer.py")


@pytest.fixture(scope="module")
def strange() -> Iterator[str]:
    """The address of a peer whose text is not UTF-8."""
    with subprocess.Popen([sys.executable, PEER], stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        yield peer.stdout.readline().strip()
        peer.kill()


def test_text_that_is_not_utf8_is_shown_to_a_person(command: Command, strange: str) -> None:
    result = command("dial", strange)
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode()
    assert "; caf\ufffd/1.0\n" in text
    assert "speaks /\ufffd/1\n" in text
    assert "speaks /é/\\x1b[2J\n" in text


def test_text_that_is_not_utf8_is_text_in_json(command: Command, strange: str) -> None:
    result = command("dial", strange, "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    report = json.loads(result.stdout)
    assert (report["agent"], report["protocols"]) == ("caf\ufffd/1.0", ["/\ufffd/1", "/é/\x1b[2J"])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
@pytest.mark.parametrize("words", [(), ("--json",), ("--count", "2")], ids=" ".join)
def test_an_encoding_that_lacks_a_character_is_no_failure(
    command: Command, strange: str, encoding: str, words: tuple[str, ...]
) -> None:
    result = command("dial", strange, *words, environment={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"caf" in result.stdout
