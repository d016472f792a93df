"""What a process finds around it: options of Python, language, folders, descriptors, a narrow terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.hosts.support import HELLO, PROGRAMS, environment, run, said_hello

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = PROGRAMS / "hello.py"
CERTHASH = "uEiAFC8WCXElBJYRxnXYcWPsTXIXm0aG_Oetbtt7OrJdhEg"
PEER = "12D3KooWNe8rNSxWvaBJQwfJvesmUdYCxEJ7rGLSKppCGAsFSe3H"
ADDRESS = f"/ip4/192.0.2.7/udp/4001/webrtc-direct/certhash/{CERTHASH}/p2p/{PEER}"


@pytest.mark.parametrize("options", ["", "-X dev -W error", "-O", "-OO"])
def test_options_of_python(options: str) -> None:
    said_hello(run(*options.split(), PROGRAM))


@pytest.mark.parametrize(
    "variables",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONASYNCIODEBUG": "1"},
    ],
    ids=" ".join,
)
def test_variables_of_the_environment(variables: dict[str, str]) -> None:
    said_hello(run(PROGRAM, env=environment(**variables)))


def test_no_home_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # Root may write anywhere, so what counts is that nothing is written.
    tmp_path.chmod(0o555)
    env = environment(PYTHONDONTWRITEBYTECODE="1")
    env.pop("HOME", None)
    said_hello(run(PROGRAM, env=env, cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_too_few_descriptors_are_the_systems_error_and_no_harm() -> None:
    ended = run("-X", "dev", "-W", "error", PROGRAMS / "few_descriptors.py")
    greetings = ended.stdout.count(HELLO)
    said_hello(ended, HELLO * greetings + "EMFILE works EMFILE works\n")
    assert greetings > 2


@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
def test_the_command_in_a_narrow_terminal(language: str) -> None:
    env = environment(COLUMNS="40", LC_ALL=language, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    for arguments, word in ((("dial", "--help"), "MULTIADDR"), (("address", ADDRESS), PEER)):
        ended = run("-m", "webrtc_direct.cli", *arguments, env=env)
        said_hello(ended, ended.stdout)
        # What is one word, to be copied, stays whole.
        assert word in ended.stdout
