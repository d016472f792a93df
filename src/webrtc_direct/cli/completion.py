"""``webrtc-direct completion``: the script with which a shell completes this command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from webrtc_direct.cli.failure import Failure

EPILOG = """\b
Examples:
  eval "$(webrtc-direct completion bash)"       # in ~/.bashrc
  eval "$(webrtc-direct completion zsh)"        # in ~/.zshrc
  webrtc-direct completion fish | source        # in ~/.config/fish/config.fish
"""

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print a script with which SHELL completes commands, options and files. Nothing is installed."""
    program = context.find_root()
    name = program.info_name or ""
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    kind = get_completion_class(shell)
    if kind is None:
        raise Failure(f"{shell}: this shell is not supported")
    click.echo(kind(program.command, {}, name, variable).source())
