"""Walking a saga in processes that die: each point in a process of its own, recovered by another."""

import asyncio
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.sql.tables import Row
from tests.chaos.crash_points import CrashPoints
from tests.chaos.every_saga import SAGAS
from tests.chaos.house import Ground, House, opened_house
from tests.servers.databases import connect

WRONG = 70
"""The exit status of a process that failed otherwise than by being killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Point ``at`` of a saga, and what was found wrong afterwards."""

    at: int
    name: str
    wrong: tuple[str, ...]


def count(saga: str, ground: Ground) -> list[str]:
    """The names of the points that the saga passes when nobody dies."""

    async def walk(house: House) -> list[str]:
        await SAGAS[saga].lay_scene(house)
        house.points.counting = True
        await SAGAS[saga].walk(house)
        return house.points.passed

    names: list[str] = asyncio.run(_in_house(ground, CrashPoints(), walk))
    return names


def crash_and_recover(saga: str, ground: Ground, at: int) -> Crash:
    """Dies at that point in a process of its own; then another hears what comes again, recovers, and repeats what the fan asked."""
    status = _forked(ground, lambda: _walk_until(saga, ground, at))
    if status != -signal.SIGKILL:
        return Crash(at=at, name="", wrong=(f"it did not die there: {status}", *_log(ground)))
    name = (ground.directory / "died-at").read_text()
    status = _forked(ground, lambda: _recover(saga, ground))
    return Crash(at=at, name=name, wrong=tuple(_log(ground)) if status else ())


def lane(saga: str, ground: Ground, points: Sequence[int], result: Path) -> None:
    """Some of a saga's points, one after the other; what came of them is left in a file."""
    result.write_bytes(pickle.dumps([crash_and_recover(saga, fresh(ground, f"{result.name}-{at}"), at) for at in points]))


def counted(saga: str, ground: Ground, result: Path) -> None:
    result.with_suffix(".names").write_bytes(pickle.dumps(count(saga, fresh(ground, result.name))))


def fresh(ground: Ground, name: str) -> Ground:
    """The same in a folder of its own, with an empty database and broker. ``ground.broker`` is a migrated file that nobody uses."""
    directory = ground.directory / name
    directory.mkdir()
    file = directory / "concert.sqlite3"
    shutil.copy(ground.broker, file)
    if ground.database_url.startswith("sqlite:"):
        return replace(ground, directory=directory, broker=file, database_url=f"sqlite:///{file}")
    wipe(ground.database_url)
    return replace(ground, directory=directory, broker=file)


def wipe(mysql_url: str) -> None:
    with closing(connect(mysql_url)) as connection, connection.cursor() as cursor:
        for table in Row.metadata.tables:
            cursor.execute(f"DELETE FROM {table}")


async def _in_house(ground: Ground, points: CrashPoints, act: Callable[[House], Coroutine[Any, Any, Any]]) -> Any:
    async with opened_house(ground, points) as house:
        return await act(house)


def _walk_until(saga: str, ground: Ground, at: int) -> None:
    points = CrashPoints(at)

    def die() -> None:
        (ground.directory / "died-at").write_text(points.passed[-1])
        os.kill(os.getpid(), signal.SIGKILL)

    points.act = die

    async def walk(house: House) -> None:
        await SAGAS[saga].lay_scene(house)
        points.counting = True
        await SAGAS[saga].walk(house)

    asyncio.run(_in_house(ground, points, walk))


def _recover(saga: str, ground: Ground) -> None:
    async def recover(house: House) -> None:
        await SAGAS[saga].come_again(house)
        await house.recover()
        assert not (wrong := (await house.books()).violations()), f"after the recovery: {wrong}"
        await SAGAS[saga].walk(house)
        await house.recover()
        books = await house.books()
        assert not (wrong := books.violations()), f"after the repeat: {wrong}"
        end = SAGAS[saga].end(books, house.notes)
        assert end == SAGAS[saga].expected, f"ended as {end}"
        before = len(house.points.passed)
        await SAGAS[saga].walk(house)
        assert SAGAS[saga].end(await house.books(), house.notes) == end, "asked again, something changed"
        assert before == len(house.points.passed)

    asyncio.run(_in_house(ground, CrashPoints(), recover))


def _forked(ground: Ground, work: Callable[[], None]) -> int:
    """The exit status of a process that did only this; what it says goes to the ground's log."""
    pid = os.fork()
    if pid == 0:
        status = WRONG
        try:
            log = os.open(ground.directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _log(ground: Ground) -> list[str]:
    path: Path = ground.directory / "log"
    return [path.read_text(errors="replace")[-4000:]] if path.exists() else []
