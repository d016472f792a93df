"""Without the extras: the library dials and listens, and the command says in one line what it lacks."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What is None among the modules cannot be imported, as if it were not installed.
WITHOUT = "import sys; sys.modules.update(dict.fromkeys({names!r}))\n"
COMMAND = "from webrtc_direct.cli.main import main; main({words!r})"
LIBRARY = """
import anyio
import webrtc_direct

async def main():
    handlers = {"/echo/1.0.0": webrtc_direct.echo_handler}
    async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers=handlers) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            print((await webrtc_direct.identify(connection)).protocols)
            async with connection.open_stream("/echo/1.0.0") as stream:
                await stream.write(b"alone")
                print(await stream.read_exactly(5))

anyio.run(main)
"""


def run_without(*names: str, program: str) -> subprocess.CompletedProcess[str]:
    program = WITHOUT.format(names=names) + program
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


def test_the_library_needs_no_extra() -> None:
    done = run_without("click", "rich", "h11", "dns", "google.protobuf", "trio", program=LIBRARY)
    assert done.stderr == ""
    assert done.stdout.endswith("b'alone'\n")


@pytest.mark.parametrize(
    ("names", "words", "line"),
    [
        (("click", "rich"), ["--help"], "click and rich not installed: pip install 'webrtc-direct[cli]'"),
        (("rich",), ["demo"], "rich not installed: pip install 'webrtc-direct[cli]'"),
        (
            ("dns",),
            ["dial", "/dnsaddr/example.com"],
            "example.com gives no address to dial: "
            "dnspython not installed: pip install 'webrtc-direct[dnsaddr]'",
        ),
        (("h11",), ["listen", "--web", "0"], "h11 not installed: pip install 'webrtc-direct[web]'"),
    ],
)
def test_the_command_says_in_one_line_what_it_lacks(
    names: tuple[str, ...], words: list[str], line: str
) -> None:
    done = run_without(*names, program=COMMAND.format(words=words))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"webrtc-direct: {line}\n")


def test_the_command_does_not_need_what_only_its_page_does() -> None:
    done = run_without("h11", program=COMMAND.format(words=["demo", "--help"]))
    assert (done.returncode, done.stderr) == (0, "")
