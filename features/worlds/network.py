"""The way from a service to a server, to be broken at the one moment that matters; it runs in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.proxy import Proxy, proxy_to


@contextmanager
def network_to(host: str, port: int) -> Iterator[Proxy]:
    """Lends a proxy whose ``port`` stays, whether or not the server runs. ``once`` may be called from any thread."""
    ready = threading.Event()
    lent: list[Proxy] = []
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with proxy_to(host, port) as proxy:
            lent.append(proxy)
            ready.set()
            await ended.wait()
        await asyncio.sleep(0.1)  # until its connections are closed as well

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the network did not come up"
    try:
        yield lent[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()
