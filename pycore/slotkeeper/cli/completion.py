"""``slotkeeper completion``: what a shell runs to complete commands and options."""

import click
from click.shell_completion import ShellComplete, get_completion_class, shell_complete

PROGRAM = "slotkeeper"
VARIABLE = "_SLOTKEEPER_COMPLETE"
"""By it a shell asks for completions; nothing else is run then."""

_SHELLS = ("bash", "zsh", "fish")


@click.command(epilog='Example: eval "$(slotkeeper completion bash)"')
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, /, *, shell: str) -> None:
    """Print the lines that teach SHELL to complete commands and options.

    For bash put the example into ~/.bashrc, for zsh the like into ~/.zshrc. For fish write the
    output to ~/.config/fish/completions/slotkeeper.fish.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"nothing is known of {shell}")
    # The base's own: a subclass asks the shell for its version, which may be none of this host.
    click.echo(ShellComplete.source(kind(ctx.find_root().command, {}, PROGRAM, VARIABLE)))


def answered(command: click.Command, instruction: str) -> int:
    """Answer a shell that asks by the variable; gives the exit status."""
    return shell_complete(command, {}, PROGRAM, VARIABLE, instruction)
