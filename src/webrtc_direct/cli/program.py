"""The command itself: which words it has, and what each of them does to the process.

How the process begins and ends is the business of ``main.py``.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click
from click.shell_completion import CompletionItem

from webrtc_direct.cli.ending import PROGRAM, say, signals_raise
from webrtc_direct.cli.failure import FAILED, Failure, failure_of
from webrtc_direct.cli.lines import LogHandler, stderr_lines
from webrtc_direct.cli.output import write_what_can_be_written
from webrtc_direct.cli.suggestions import SuggestingGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\b
Try it, with two terminals:
  webrtc-direct listen /ip4/127.0.0.1/udp/0/webrtc-direct --echo --perf
  webrtc-direct dial MULTIADDR
\b
or with one:
  webrtc-direct demo
\b
MULTIADDR is what a listener prints:
  /ip4/192.0.2.7/udp/4001/webrtc-direct/certhash/uEi.../p2p/12D3KooW...
@FILE reads it from the first line of a file, which `listen --address-file FILE` writes;
- reads it from the first line of stdin.
"""


class Word(NamedTuple):
    """Where a command lives, and what the overview says of it."""

    module: str
    attribute: str
    summary: str


# The summaries stand here, so that the overview need not load the commands.
WORDS = {
    "listen": Word("listen", "listen_command", "Accept connections, and print the addresses to dial."),
    "dial": Word("dial", "dial_command", "Connect, and show each step of the handshake with its time."),
    "ping": Word("ping", "ping_command", "Measure round trips on one connection."),
    "perf": Word("perf", "perf_command", "Measure upload and download speed."),
    "echo": Word("echo", "echo_command", "Send random data to an echo server, and compare every byte."),
    "pipe": Word("pipe", "pipe_command", "Connect stdin and stdout to a stream."),
    "limits": Word("limits", "limits_command", "List the limits that `listen --limit` can change."),
    "address": Word("address", "address_command", "Explain a multiaddr; print its session descriptions."),
    "identity": Word("identity", "identity_group", "Make or show an identity (the peer id)."),
    "certificate": Word("certificate", "certificate_group", "Make or show a certificate (the certhash)."),
    "completion": Word("completion", "completion_command", "Print the completion script for your shell."),
    "demo": Word("demo", "demo_command", "Show everything at work on this machine."),
}


class LazyGroup(SuggestingGroup):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the words in the order of the overview."""
        del ctx
        return list(WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command called *cmd_name*."""
        del ctx
        word = WORDS.get(cmd_name)
        if word is None:
            return None
        module = importlib.import_module(f"webrtc_direct.cli.{word.module}")
        command: click.Command = getattr(module, word.attribute)
        # All that is large is loaded. From here on there may be something to clean up.
        signals_raise()
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the words, without loading any, and the options."""
        words = [
            CompletionItem(name, help=word.summary)
            for name, word in WORDS.items()
            if name.startswith(incomplete)
        ]
        return words + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview without loading anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, word.summary) for name, word in WORDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=PROGRAM, prog_name=PROGRAM)
@click.option("-v", "--verbose", count=True, help="Log connections to stderr; -vv for everything.")
@click.pass_context
def command(context: click.Context, verbose: int) -> None:
    """Dial and listen on libp2p WebRTC-Direct.

    Browsers and libp2p peers connect to a listener directly: no domain name, no
    certificate authority, no signalling server.
    """
    if os.environ.get("NO_COLOR"):
        # https://no-color.org; without it a terminal has colours, and nothing else has.
        context.color = False
    write_what_can_be_written()
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = LogHandler(stderr_lines())
    logging.basicConfig(
        level=level, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def run(arguments: Sequence[str] | None) -> int:
    """Run the command with *arguments*, or those of the process; returns the exit code.

    What goes wrong is one line on stderr. ``Ended`` comes out.
    """
    try:
        return _run(arguments)
    except Failure as failure:
        say(str(failure))
        return failure.exit_code
    except BrokenPipeError:
        # Whoever read this has gone, as `head` does. What is still in the buffer must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = command.main(
            list(arguments) if arguments is not None else None, prog_name=PROGRAM, standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        raise failure_of(error) from error
    return result if isinstance(result, int) else 0
