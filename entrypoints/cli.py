"""The `concert` command."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adapters.sql.migrate import is_current
from adapters.telemetry.logs import set_up_logging
from domain.errors import TransientError
from entrypoints import dead_letters
from entrypoints.auth import AccessTokenInvalid
from entrypoints.container import Container
from entrypoints.graphql.schema import printed_schema
from entrypoints.processes import (
    CannotStart,
    load_demo,
    migrate_database,
    opened,
    refuse_embedded,
    run_api,
    run_simulators,
    run_worker,
)
from entrypoints.roles import ROLES
from entrypoints.settings import Profile, Settings, SettingsError, read_settings
from entrypoints.simulators.mailbox import read_mailbox
from entrypoints.simulators.together import MAILBOX

MISUSED = 2
FAILED = 1

T = TypeVar("T")

Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the process ended as it should, 1 when it could not do its work, 2 when it was set up wrongly."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["rehearse"]:
        return _rehearse(arguments[1:])
    parsed = _parser().parse_args(arguments)
    command: Command = parsed.command
    try:
        command(parsed)
    except SettingsError as wrong:
        print("\n".join(wrong.problems), file=sys.stderr)
        return MISUSED
    except (CannotStart, AccessTokenInvalid, TransientError, ValueError) as failed:
        print(f"concert {parsed.name}: {failed}", file=sys.stderr)
        return FAILED
    return 0


def _rehearse(arguments: Sequence[str]) -> int:
    from entrypoints.rehearsal.run import main as rehearse

    return rehearse(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="concert", description="Sells concert tickets while everything around it fails.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="name")

    def add(name: str, command: Command, says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(command=command)
        return added

    add("serve", _serve, "the API and all roles in one process, with the demo concert: the embedded default")
    add("api", _api, "the API alone")
    worker = add("worker", _worker, "some of the roles, or all")
    worker.add_argument("roles", nargs="*", choices=[*ROLES, []], metavar="ROLE", help=f"of {', '.join(ROLES)}; all if none is named")
    add("migrate", _migrate, "bring the database's tables up to date")
    add("demo-data", _demo_data, "put the demo concert on sale, if it is not there")
    add("schema", _schema, "print the public schema")
    token = add("token", _token, "sign an access token for a day")
    token.add_argument("--role", action="append", default=[], help="such as operator; may be given more than once")
    token.add_argument("--subject", default="operator", help="whose token it is")
    mailbox = add("mailbox", _mailbox, "show what the simulated providers have delivered")
    mailbox.add_argument("--phone", help="only what went to this number")
    mailbox.add_argument("--limit", type=int, default=20)
    dead_letters.add_arguments(add("dead-letters", _dead_letters, "messages that were given up: list, show, redrive, discard"))
    simulators = add("simulators", _simulators, "look-alikes of the card gateway and the notification providers, over HTTP")
    simulators.add_argument("--host", default="127.0.0.1")
    simulators.add_argument("--port", type=int, default=8090)
    simulators.add_argument("--data-dir", type=Path, default=Path(tempfile.gettempdir()) / "concert-simulators")
    commands.add_parser("rehearse", help="a dress rehearsal against a running server (see `concert rehearse --help`)")
    return parser


def _settings() -> Settings:
    settings = read_settings()
    set_up_logging(settings.log_level, json=settings.profile is Profile.PRODUCTION)
    return settings


def _container() -> Container:
    return Container(settings=_settings())


def _serve(_: argparse.Namespace) -> None:
    container = _container()
    settings = container.settings()

    async def serve() -> None:
        await migrate_database(settings)
        await run_api(container, ROLES, demo=settings.profile is Profile.EMBEDDED)

    _run(serve())


def _api(_: argparse.Namespace) -> None:
    container = _container()
    refuse_embedded(container.settings())
    _run(run_api(container))


def _worker(arguments: argparse.Namespace) -> None:
    container = _container()
    refuse_embedded(container.settings())
    _run(run_worker(container, tuple(dict.fromkeys(arguments.roles)) or ROLES))


def _migrate(_: argparse.Namespace) -> None:
    _run(migrate_database(_settings()))


def _demo_data(_: argparse.Namespace) -> None:
    container = _container()

    async def load() -> None:
        await migrate_database(container.settings())
        async with opened(container):
            await load_demo(container)

    _run(load())


def _schema(_: argparse.Namespace) -> None:
    print(printed_schema(), end="")


def _token(arguments: argparse.Namespace) -> None:
    print(Container(settings=read_settings()).access_tokens().sign(arguments.subject, roles=arguments.role).value)


def _mailbox(arguments: argparse.Namespace) -> None:
    for mail in reversed(read_mailbox(read_settings().data_dir / MAILBOX, arguments.limit, arguments.phone)):
        print(f"{mail.created_at.astimezone():%Y-%m-%d %H:%M:%S}  {mail.kind}  {mail.phone}  {mail.title}\n{mail.text}\n")


def _dead_letters(arguments: argparse.Namespace) -> None:
    container = _container()

    async def carry_out() -> Sequence[str]:
        if not await is_current(container.settings().database_url):
            raise CannotStart("the database lacks migrations: run `concert migrate`")
        async with opened(container):
            return await dead_letters.carry_out(container.decide_on_dead_letters(), arguments)

    print("\n".join(_run(carry_out())))


def _simulators(arguments: argparse.Namespace) -> None:
    set_up_logging()
    arguments.data_dir.mkdir(parents=True, exist_ok=True)
    _run(run_simulators(arguments.host, arguments.port, arguments.data_dir))


def _run(process: Coroutine[Any, Any, T]) -> T:
    """On uvloop where there is one."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(process)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    sys.exit(main())
