"""Groups of commands: a mistyped one is answered with the one that was meant."""

import difflib
from collections.abc import Sequence

import click

CONTEXT = {"help_option_names": ["-h", "--help"]}
"""Of the outermost group; those inside inherit it."""


class Commands(click.Group):
    """A group that suggests."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as wrong:
            if args and not args[0].startswith("-"):
                raise click.UsageError(
                    f"no command {args[0]!r}{suggestion(args[0], self.list_commands(ctx))}", ctx
                ) from None
            raise wrong from None


def suggestion(word: str, known: Sequence[str]) -> str:
    """Give what was meant, or what there is."""
    near = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.5)
    begun = [name for name in known if name.startswith(word.lower()) and name not in near]
    meant = [*near, *begun[:3]]
    return f": did you mean {' or '.join(meant)}?" if meant else f": there are {', '.join(known)}"
