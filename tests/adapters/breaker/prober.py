"""A process that calls twenty times at once when told to, by a line: `prober URL NAME`. Says how many calls got through."""

import asyncio
import sys

from adapters.redis.client import connect
from domain.errors import CircuitOpen
from tests.contracts.circuits import PATIENT, process, shared


async def main(url: str, name: str) -> None:
    store = connect(url, timeout_seconds=0.5)
    one = process(lambda policy_of, metrics: shared(store.client, policy_of, metrics, deadline_seconds=3.0), PATIENT, name)

    async def call() -> None:
        try:
            await one.call(seconds=1.0)
        except CircuitOpen:
            return

    await one.breaker.refused_for(name)
    _say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(call() for _ in range(20)))
    _say(str(one.reached))
    await store.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
