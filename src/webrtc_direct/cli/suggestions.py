"""What somebody who mistyped a name probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the one of *names* that is most like *name*; nothing where none is."""
    closest = get_close_matches(name, list(names), n=1)
    return f"; did you mean {closest[0]}?" if closest else ""


class SuggestingGroup(click.Group):
    """A group that names the command which somebody probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first of *args* names. Raises click's UsageError."""
        names = self.list_commands(ctx)
        # What begins with a dash is an option that does not exist, and click says so.
        if args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"no command {args[0]!r}{did_you_mean(args[0], names)}", ctx)
        return super().resolve_command(ctx, args)
