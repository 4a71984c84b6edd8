"""A network between a client and a server, to break in the one moment that matters."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto

QUIET_SECONDS = 0.2
"""When a server has said nothing for so long, it has answered."""


class Fault(Enum):
    CUT_REQUEST = auto()
    """The request does not arrive, and the connection ends."""
    CUT_ANSWER = auto()
    """The request arrives and is carried out; the connection ends before its answer."""
    HOLD_REQUEST = auto()
    """Nothing arrives and nothing ends."""
    HOLD_ANSWER = auto()
    """The request arrives and is carried out; its answer never comes, and the connection stays."""


class Proxy:
    """Passes everything on until ``once`` has named what shall go wrong, and then does so once."""

    def __init__(self) -> None:
        self.port = 0
        self.faults_done = 0
        self._plan: tuple[Fault, Callable[[bytes], bool]] | None = None

    def once(self, fault: Fault, *, on: bytes) -> None:
        """At the next request that contains these bytes."""
        self._plan = (fault, lambda request: on in request)

    @property
    def is_planned(self) -> bool:
        """Whether what shall go wrong has not yet."""
        return self._plan is not None

    def planned(self, request: bytes) -> Fault | None:
        if self._plan is None or not self._plan[1](request):
            return None
        fault, self._plan = self._plan[0], None
        self.faults_done += 1
        return fault


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """Lend a proxy on a free port of 127.0.0.1; its connections end with it."""
    proxy = Proxy()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            server_reader, server_writer = await asyncio.open_connection(host, port)
        except BaseException as away:
            writer.close()
            tasks.discard(task)
            if isinstance(away, OSError):  # nobody serves there just now, and so it looks from here too
                return
            raise
        answers = asyncio.create_task(_pass_answers(server_reader, writer))
        try:
            await _pass_requests(proxy, reader, server_writer, answers, server_reader)
        finally:
            answers.cancel()
            for end in (writer, server_writer):
                end.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_requests(
    proxy: Proxy,
    client: asyncio.StreamReader,
    server: asyncio.StreamWriter,
    answers: "asyncio.Task[None]",
    server_reader: asyncio.StreamReader,
) -> None:
    with suppress(OSError):
        while request := await client.read(1 << 20):
            match proxy.planned(request):
                case None:
                    server.write(request)
                case Fault.CUT_REQUEST:
                    return
                case Fault.HOLD_REQUEST:
                    await client.read()
                    return
                case fault:
                    answers.cancel()
                    with suppress(asyncio.CancelledError):
                        await answers
                    server.write(request)
                    await _read_until_quiet(server_reader)
                    if fault is Fault.HOLD_ANSWER:
                        await client.read()
                    return


async def _pass_answers(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while answer := await server.read(1 << 20):
            client.write(answer)
    client.close()


async def _read_until_quiet(server: asyncio.StreamReader) -> None:
    """However long it takes to answer."""
    if not await server.read(1 << 20):
        return
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(QUIET_SECONDS):
                if not await server.read(1 << 20):
                    return
