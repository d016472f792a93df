"""What differs between a terminal and a pipe, and how the command is interrupted."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import PROGRAM, SECONDS

from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.identity import KeyPair

if TYPE_CHECKING:
    from tests.cli.conftest import Command

NOWHERE = (
    f"/ip4/127.0.0.1/udp/9/webrtc-direct/certhash/{Certificate.generate().fingerprint.certhash}"
    f"/p2p/{KeyPair.generate().peer_id}"
)
INTERRUPTS = 12
COLOUR = b"\x1b["


def on_a_terminal(*words: str, environment: dict[str, str] | None = None) -> bytes:
    """Run the command on a terminal, and return what is shown there."""
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 65536):
                shown.append(data)
        except OSError:
            # Linux says that the other end is gone.
            return

    reader = threading.Thread(target=read)
    reader.start()
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    subprocess.run(
        [*PROGRAM, *words],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        timeout=SECONDS,
        check=True,
        env=clean | (environment or {}),
    )
    os.close(theirs)
    reader.join(SECONDS)
    os.close(ours)
    return b"".join(shown)


def test_colours_and_progress_are_for_terminals(command: Command, address: str) -> None:
    assert COLOUR in on_a_terminal("dial", address)
    assert b"echo" in on_a_terminal("echo", address, "--size", "20MB")
    for words in (("dial", address), ("echo", address, "--size", "20MB"), ("address", address)):
        result = command(*words)
        assert COLOUR not in result.stdout
        assert result.stderr == b""


def test_no_color_is_respected(address: str) -> None:
    assert COLOUR not in on_a_terminal("dial", address, environment={"NO_COLOR": "1"})


def test_json_has_no_colour_on_a_terminal(address: str) -> None:
    assert COLOUR not in on_a_terminal("dial", address, "--json")


@pytest.mark.parametrize(
    "words",
    [
        ("dial", NOWHERE, "--timeout", "60"),
        ("ping", NOWHERE, "--timeout", "60"),
        ("perf", "{address}", "--upload", "1TB"),
        ("echo", "{address}", "--size", "1TB"),
        ("pipe", "{address}", "/echo/1.0.0"),
    ],
    ids=lambda words: words[0],
)
def test_an_interrupt_is_exit_code_130_and_one_line(words: tuple[str, ...], address: str) -> None:
    with subprocess.Popen(
        [*PROGRAM, "-v", *(word.format(address=address) for word in words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until_it_dials(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == "webrtc-direct: interrupted"


# Tells when the command begins to care for interrupts; before that the interpreter is still starting.
TOLD = """
import signal, sys
install = signal.signal
def tell(number, handler):
    signal.signal = install
    install(number, handler)
    print("ready", flush=True)
signal.signal = tell
from webrtc_direct.cli.main import main
main(sys.argv[1:])
"""


# An interrupt comes while the event loop is being made.
HALF_MADE = """
import selectors, signal, sys
make = selectors.DefaultSelector
def interrupted():
    selectors.DefaultSelector = make
    signal.raise_signal(signal.SIGINT)
    return make()
selectors.DefaultSelector = interrupted
from webrtc_direct.cli.main import main
main(sys.argv[1:])
"""


# An interrupt comes while anyio is being loaded, where Python 3.11 makes a RuntimeError of any exception.
IN_AN_IMPORT = """
import dataclasses, signal, sys
set_name = dataclasses.Field.__set_name__
def interrupted(self, owner, name):
    if owner.__name__ == "_MemoryObjectStreamState":
        dataclasses.Field.__set_name__ = set_name
        signal.raise_signal(signal.SIGINT)
    set_name(self, owner, name)
dataclasses.Field.__set_name__ = interrupted
from webrtc_direct.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("program", [HALF_MADE, IN_AN_IMPORT], ids=["event loop", "import"])
def test_an_interrupt_breaks_nothing_that_is_being_made(program: str) -> None:
    words = [sys.executable, "-c", program, "dial", NOWHERE, "--timeout", "60"]
    done = subprocess.run(words, capture_output=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stderr) == (130, b"webrtc-direct: interrupted\n")


@pytest.mark.parametrize(
    "words",
    [
        ("dial", NOWHERE, "--timeout", "60"),
        ("ping", "{address}", "-c", "100000"),
        ("pipe", "{address}", "/echo/1.0.0"),
    ],
    ids=lambda words: words[0],
)
def test_an_interrupt_at_any_moment_is_exit_code_130(words: tuple[str, ...], address: str) -> None:
    moments = random.Random(8)
    for run in range(INTERRUPTS):
        # The first ones come while the command is being loaded.
        moment = moments.random() * (0.01 if run < INTERRUPTS // 3 else 0.5)
        with subprocess.Popen(
            [sys.executable, "-c", TOLD, *(word.format(address=address) for word in words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, err) == (130, b"webrtc-direct: interrupted\n"), f"after {moment:.3f} s"


def test_an_interrupt_that_was_ignored_from_the_start_stays_so() -> None:
    # As a shell without job control has it for what it starts in the background.
    program = (
        "import os, signal, subprocess, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1], 'dial', '-h']).returncode)\n"
    )
    check = TOLD.replace(
        "from webrtc_direct", "import os; os.kill(os.getpid(), signal.SIGINT)\nfrom webrtc_direct"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, check], capture_output=True, timeout=SECONDS, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")


def wait_until_it_dials(process: subprocess.Popen[bytes]) -> None:
    """Return once the engine's thread runs: from then on the command is at work."""
    deadline = time.monotonic() + SECONDS
    while len(os.listdir(f"/proc/{process.pid}/task")) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)


def test_a_reader_that_goes_away_is_no_traceback(address: str) -> None:
    with subprocess.Popen(
        [*PROGRAM, "ping", address, "-c", "100000", "-i", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.wait(SECONDS)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(command: Command, shell: str) -> None:
    result = command("completion", shell)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"_WEBRTC_DIRECT_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("webrtc-direct pi", {"ping", "pipe"}),
        ("webrtc-direct dial --an", {"--any-peer"}),
        ("webrtc-direct dial --version a", {"auto"}),
        ("webrtc-direct certificate n", {"new"}),
        ("webrtc-direct completion z", {"zsh"}),
    ],
)
def test_words_options_and_choices_are_completed(command: Command, typed: str, expected: set[str]) -> None:
    environment = {
        "_WEBRTC_DIRECT_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    result = command(environment=environment)
    assert {line.partition(",")[2] for line in result.stdout.decode().splitlines()} == expected
