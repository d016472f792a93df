"""What a process finds around it: options of Python, language, folders, descriptors, a narrow terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.hosts.support import HELLO, PROGRAMS, SECONDS, environment, python, run, said_hello

PROGRAM = PROGRAMS / "hello.py"
CERTHASH = "uEiAFC8WCXElBJYRxnXYcWPsTXIXm0aG_Oetbtt7OrJdhEg"
PEER = "12D3KooWNe8rNSxWvaBJQwfJvesmUdYCxEJ7rGLSKppCGAsFSe3H"
CONTAINER = ("unshare", "--user", "--map-root-user")
AS_PID_1 = (*CONTAINER, "--pid", "--fork", "--kill-child", "--mount-proc")
IP6_ADDRESS = "/ip6/::1/udp/0/webrtc-direct"
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


def has_namespaces() -> bool:
    """Say whether this system lets tests make a container of their own."""
    try:
        return subprocess.run([*AS_PID_1, "--net", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


in_a_container = pytest.mark.skipif(not has_namespaces(), reason="this system gives no namespaces (unshare)")


@in_a_container
def test_as_the_first_process_of_a_container() -> None:
    said_hello(run(PROGRAM, inside=AS_PID_1))


@in_a_container
def test_without_ipv6() -> None:
    said = f"EADDRNOTAVAIL {IP6_ADDRESS}\n{IP6_ADDRESS}\n"
    ended = run(PROGRAMS / "without_ipv6.py", inside=(*CONTAINER, "--net"))
    warning = f" continues without {IP6_ADDRESS}: Cannot assign requested address"
    # The log that nobody configured has the warning, once.
    assert [line.endswith(warning) for line in ended.stderr.splitlines()] == [True]
    assert (ended.returncode, ended.stdout) == (0, HELLO + said + HELLO)


@in_a_container
@pytest.mark.parametrize(
    "words", [(), (IP6_ADDRESS, "/ip4/127.0.0.1/udp/0/webrtc-direct", "--allow-missing")], ids=len
)
def test_the_command_listens_without_ipv6(words: tuple[str, ...]) -> None:
    command: list[str | Path] = [*CONTAINER, "--net", python(), "-u", PROGRAMS / "without_ipv6.py", "listen"]
    with subprocess.Popen(
        [*command, "--json", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        listening = json.loads(listener.stdout.readline())
        # unshare has become the program.
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(SECONDS) == 0
    assert [address[: len("/ip4/127.0.0.1/")] for address in listening["addresses"]] == ["/ip4/127.0.0.1/"]
    assert list(listening["missing"]) == [IP6_ADDRESS] * bool(words)


@in_a_container
def test_the_command_as_the_first_process_of_a_container_ends_by_sigterm() -> None:
    # The kernel keeps a signal from process 1 that it does not handle itself.
    command: list[str | Path] = [
        *AS_PID_1,
        python(),
        "-u",
        "-m",
        "webrtc_direct.cli",
        "listen",
        "/ip4/127.0.0.1/udp/0/webrtc-direct",
    ]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as outside:
        assert outside.stdout is not None
        assert "peer id" in outside.stdout.readline()
        (child,) = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        assert outside.wait(SECONDS) == 0
