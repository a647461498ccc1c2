"""The command line: one file per command, this one lists them."""

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

import slotkeeper
from slotkeeper.cli import standard_streams
from slotkeeper.cli.completion import VARIABLE, answered
from slotkeeper.cli.exits import run_to_exit_status
from slotkeeper.cli.groups import CONTEXT, Commands

_COMMANDS = {
    "acknowledge": "slotkeeper.cli.acknowledge:acknowledge",
    "audit": "slotkeeper.cli.audit:audit",
    "check-config": "slotkeeper.cli.check_config.command:check_config",
    "completion": "slotkeeper.cli.completion:completion",
    "console": "slotkeeper.cli.console:console",
    "counters": "slotkeeper.cli.counters:counters",
    "dead-letters": "slotkeeper.cli.dead_letters:dead_letters",
    "demo": "slotkeeper.cli.demo:demo",
    "emulate": "slotkeeper.cli.emulate:emulate",
    "evidence": "slotkeeper.cli.evidence:evidence",
    "explain": "slotkeeper.cli.why.explaining:explain",
    "init": "slotkeeper.cli.init.command:init",
    "exit": "slotkeeper.cli.exit:exit_",
    "explain-slot": "slotkeeper.cli.explain_slot:explain_slot",
    "inspect": "slotkeeper.cli.inspect:inspect",
    "lab": "slotkeeper.cli.lab:lab",
    "publish": "slotkeeper.cli.publish:publish",
    "read": "slotkeeper.cli.read:read",
    "registers": "slotkeeper.cli.registers:registers",
    "report": "slotkeeper.cli.report:report",
    "rule": "slotkeeper.cli.rule:rule",
    "run": "slotkeeper.cli.run:run",
    "slots": "slotkeeper.cli.slots:slots",
    "streams": "slotkeeper.cli.streams:streams",
    "why": "slotkeeper.cli.why.command:why",
    "witness": "slotkeeper.cli.witness:witness",
}
"""The module of each command. Only the one that is called is imported: each begins quickly."""


class _Commands(Commands):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{_COMMANDS[cmd_name]} is no command")
        return command


@click.group(
    cls=_Commands,
    context_settings=CONTEXT,
    epilog="Exit status: 0 done, 1 fault found, 2 wrong use or configuration, "
    "3 stopped for an operator (do not restart), 4 try again later.",
)
@click.version_option(slotkeeper.__version__, prog_name="slotkeeper")
def cli() -> None:
    """Keep the Originator Counter of every slot handed back to the DCC, and exceed it later.

    Begin with `slotkeeper demo`: it needs nothing set up.
    """


def main() -> NoReturn:
    """Run the command that the arguments name and exit with its status."""
    standard_streams.take()
    if asked := os.environ.get(VARIABLE):
        sys.exit(answered(cli, asked))
    sys.exit(run_to_exit_status(cli, sys.argv[1:]))
