"""The rehearsal itself: doors open, every fan walks in at once, and at the end the books are checked."""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from entrypoints.rehearsal.client import GraphQLClient, RequestRefused, ServerUnreachable
from entrypoints.rehearsal.evidence import SOLD, Evidence
from entrypoints.rehearsal.fan import Fan
from entrypoints.rehearsal.invariants import judge
from entrypoints.rehearsal.operator_token import NoOperatorToken, operator_token
from entrypoints.rehearsal.report import print_course, print_verdicts
from entrypoints.rehearsal.stage import Stage, read_seat_map, set_stage

HELD, BROKEN, NOT_REACHED = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """0: every invariant held. 1: one was broken. 2: the rehearsal could not begin, or its end not be seen."""
    arguments = _parser().parse_args(argv)
    console = Console()
    errors = Console(stderr=True)
    try:
        token = operator_token(arguments.operator_token)
        return asyncio.run(_rehearse(arguments, token, console))
    except ServerUnreachable as unreachable:
        errors.print(f"The server cannot be reached: {unreachable}", markup=False)
    except RequestRefused as refused:
        errors.print(f"The server does not let the rehearsal begin: {refused}", markup=False)
        errors.print("It needs an operator's token of that server: --operator-token, or CONCERT_OPERATOR_TOKEN.", markup=False)
    except NoOperatorToken as missing:
        errors.print(f"There is no operator's token: {missing}", markup=False)
    return NOT_REACHED


async def _rehearse(arguments: argparse.Namespace, token: str, console: Console) -> int:
    async with GraphQLClient(arguments.url) as client:
        stage = await set_stage(client, token, seats=arguments.seats, fans=arguments.fans)
        started = time.monotonic()
        fans = [fan.record for fan in await _doors_open(client, stage, arguments, console)]
        print_course(console, fans, seconds=time.monotonic() - started, repeated=client.repeated)
        evidence = Evidence(fans=fans, seat_map=await read_seat_map(client, stage))
        verdicts = judge(evidence)
        print_verdicts(console, evidence, verdicts)
    return HELD if all(verdict.holds for verdict in verdicts) else BROKEN


async def _doors_open(client: GraphQLClient, stage: Stage, arguments: argparse.Namespace, console: Console) -> list[Fan]:
    """All fans to their ends; who has none by the deadline is stopped, and said to be."""
    chance = random.Random(arguments.seed)
    fans = [Fan(index, client, stage.concert_id, stage.performance_id, random.Random(chance.random())) for index in range(arguments.fans)]
    deadline = asyncio.get_running_loop().time() + arguments.timeout
    with _progress(console) as progress:
        bar = progress.add_task("fans", total=len(fans), sold=0)
        sold = 0

        async def walk(fan: Fan) -> None:
            nonlocal sold
            await fan.walk(deadline)
            sold += fan.record.outcome == SOLD
            progress.update(bar, advance=1, sold=sold)

        async with asyncio.TaskGroup() as crowd:
            for fan in fans:
                crowd.create_task(walk(fan))
    return fans


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[sold]} sold"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="concert rehearse", description="A dress rehearsal of a sale against a running server, over its public API."
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
    parser.add_argument("--fans", type=_count, default=500, help="how many people want seats (default: %(default)s)")
    parser.add_argument("--seats", type=_count, default=200, help="how many seats there are (default: %(default)s)")
    parser.add_argument("--timeout", type=_count, default=300, help="seconds after which every fan goes home (default: %(default)s)")
    parser.add_argument("--operator-token", help="default: CONCERT_OPERATOR_TOKEN, else signed with the local settings' secret")
    parser.add_argument("--seed", type=int, help="of the fans' choices, to make the same ones again")
    return parser


def _count(text: str) -> int:
    if not 1 <= (number := int(text)) <= 100_000:
        raise ValueError
    return number
