"""Opening what a process stands on, running it until a signal comes, and closing it in a bounded time."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from adapters.redis.errors import RedisSettingsError
from adapters.redis.server_check import check_server
from adapters.sql.migrate import is_current, migrate
from adapters.telemetry.logs import correlate
from domain.errors import QueueUnavailable
from entrypoints.api import build_api
from entrypoints.container import Container, sqlite_path
from entrypoints.demo import demo_concert
from entrypoints.faults import PortFaults, install
from entrypoints.roles import roles_of
from entrypoints.setting_values import EMBEDDED_KAFKA, EMBEDDED_REDIS
from entrypoints.settings import SIMULATED, SIMULATED_TOSS_KEY, Settings
from entrypoints.simulators.nhn_provider import Account
from entrypoints.simulators.together import Simulators
from entrypoints.worker import Supervisor

log = logging.getLogger(__name__)

BACKLOG = 2_048
LARGEST_FRAME = 64 * 1024
IDLE_SECONDS = 5
"""How long a connection may lie idle."""
PROVIDERS_IDLE_SECONDS = 600
"""Longer than anybody stops their process: it would wake up (SIGCONT) and close the connection unread, with the request in it."""
GOODBYE_SECONDS = 3
"""How long open requests and sockets have when the process ends."""


class CannotStart(Exception):
    """The process does not start, for a reason a person can mend."""


async def migrate_database(settings: Settings) -> None:
    if settings.database_url.startswith("sqlite:"):
        sqlite_path(settings).parent.mkdir(parents=True, exist_ok=True)
    await migrate(settings.database_url)


async def load_demo(container: Container) -> None:
    """Once: the concert's id is fixed."""
    await container.create_concert()(demo_concert(container.clock().now()))


@contextlib.asynccontextmanager
async def opened(container: Container) -> AsyncIterator[None]:
    """The database, the queue's store and the unit of work; what else was made by then is closed with them."""
    async with contextlib.AsyncExitStack() as stack:
        database, unit_of_work, store = container.database(), container.unit_of_work(), container.store()
        await database.open()
        stack.push_async_callback(database.close)
        stack.push_async_callback(store.close)
        if (shared := container.protection_store()) is not None:
            stack.push_async_callback(shared.close)
        stack.push_async_callback(container.circuits().close)
        await unit_of_work.open()
        stack.push_async_callback(unit_of_work.close)
        yield


@contextlib.asynccontextmanager
async def served(container: Container) -> AsyncIterator[None]:
    """What only an API uses."""
    watches = container.watches()
    try:
        yield
    finally:
        await watches.close()


@contextlib.asynccontextmanager
async def working(container: Container, names: Sequence[str]) -> AsyncIterator[None]:
    """The roles of these names, and what only they use."""
    settings = container.settings()
    async with contextlib.AsyncExitStack() as stack:
        if {"relay", "consumer"} & set(names) and (broker := container.embedded_broker()) is not None:
            stack.push_async_callback(broker.close)
        elif "relay" in names:
            stack.push_async_callback(container.publisher().close)
        if "consumer" in names and container.embedded_broker() is None:
            stack.push_async_callback(container.dead_letter_topic().close)
        if "consumer" in names:
            stack.push_async_callback(container.subscriber().close)
        if "notifier" in names:
            stack.push_async_callback(container.carrier().close)
            stack.push_async_callback(container.guarded_alimtalk().close)
            stack.push_async_callback(container.guarded_sms().close)
        if "reconciler" in names:
            stack.push_async_callback(container.gateway().close)
        supervisor = Supervisor(
            roles_of(container, names), container.sleeper(), container.jitter(), container.metrics(), settings.drain_seconds
        )
        supervisor.start()
        stack.push_async_callback(supervisor.stop)
        yield


async def run_api(container: Container, names: Sequence[str] = (), *, demo: bool = False) -> None:
    """Serves until a signal comes; with names, those roles work in this process too."""
    settings = container.settings()
    listening = listen(settings.host, settings.port)
    simulators = _simulators(settings)
    api = _api(container, simulators, _faults(container))
    stop = _stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listening.close)
        await stack.enter_async_context(opened(container))
        await _ready_to_serve(container)
        if demo:
            await load_demo(container)
        await stack.enter_async_context(served(container))
        if simulators is not None:
            stack.push_async_callback(simulators.close)
        server = _Server(_uvicorn(api))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stack.push_async_callback(_goodbye, server, serving)
        await _started(server, serving)
        # The roles start last and end first: what they send to the simulator, this server takes.
        if names:
            await stack.enter_async_context(working(container, names))
        log.info("serving", extra={"url": f"http://{settings.host}:{settings.port}", "roles": ",".join(names)})
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()


async def run_worker(container: Container, names: Sequence[str]) -> None:
    """Works until a signal comes."""
    stop = _stop_signal()
    async with opened(container):
        await _ready_to_serve(container)
        async with working(container, names):
            log.info("working", extra={"roles": ",".join(names)})
            await stop.wait()


async def run_simulators(host: str, port: int, directory: Path) -> None:
    """Takes any account that says it is simulated, and any shop with the simulated key."""
    listening = listen(host, port)
    account = Account(appkey=SIMULATED, secret_key=SIMULATED)
    simulators = Simulators(directory, alimtalk=account, sms=account, solapi=account, toss_secret_key=SIMULATED_TOSS_KEY)
    server = _Server(_uvicorn(Starlette(routes=simulators.routes()), idle_seconds=PROVIDERS_IDLE_SECONDS))
    stop = _stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listening.close)
        stack.push_async_callback(simulators.close)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await _started(server, serving)
        await stop.wait()
        await _goodbye(server, serving)


def refuse_embedded(settings: Settings) -> None:
    """Several processes cannot share what lives inside one."""
    if settings.redis_url == EMBEDDED_REDIS:
        raise CannotStart("CONCERT_REDIS_URL embedded:// lives inside one process: run `concert serve`, or name a server")
    if settings.kafka_bootstrap == EMBEDDED_KAFKA and not settings.database_url.startswith("sqlite:"):
        raise CannotStart("CONCERT_KAFKA_BOOTSTRAP embedded keeps its log in SQLite: name a broker")


async def _ready_to_serve(container: Container) -> None:
    """The tables are there, and the queue's server would not forget people. One that is away is waited for while serving."""
    if not await is_current(container.settings().database_url):
        raise CannotStart("the database lacks migrations: run `concert migrate`")
    if container.settings().redis_url == EMBEDDED_REDIS:
        return
    try:
        report = await check_server(container.store())
    except RedisSettingsError as unfit:
        raise CannotStart(f"CONCERT_REDIS_URL: {unfit}") from unfit
    except QueueUnavailable:
        log.warning("redis does not answer yet; the line opens when it does")
        return
    if not report.append_only:
        log.warning("redis runs without its append-only file: a restart of it opens a new epoch of every queue")


def _faults(container: Container) -> list[BaseRoute]:
    """The switches of the faults that may be injected here, if any."""
    if not container.settings().faults:
        return []
    faults = PortFaults()
    install(container, faults)
    log.warning("faults can be injected into this process: CONCERT_FAULTS")
    return faults.routes(container.circuits())


def _api(container: Container, simulators: Simulators | None, switches: Sequence[BaseRoute]) -> Starlette:
    return build_api(
        container.settings(),
        container.services(),
        correlate=correlate,
        exposition=container.metrics().exposition,
        last_routes=[*switches, *([] if simulators is None else simulators.routes())],
    )


def _simulators(settings: Settings) -> Simulators | None:
    if not settings.simulates_providers:
        return None
    alimtalk = Account(appkey=settings.alimtalk.appkey, secret_key=settings.alimtalk.secret_key)
    sms = Account(appkey=settings.sms.appkey, secret_key=settings.sms.secret_key)
    solapi = Account(appkey=SIMULATED, secret_key=SIMULATED)
    if settings.solapi is not None:
        solapi = Account(appkey=settings.solapi.api_key, secret_key=settings.solapi.api_secret)
    return Simulators(settings.data_dir, alimtalk=alimtalk, sms=sms, solapi=solapi, toss_secret_key=settings.toss.secret_key)


def listen(host: str, port: int) -> socket.socket:
    """Before anything else, so that a port in use is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as taken:
        listening.close()
        raise CannotStart(f"port {port} at {host}: {taken.strerror}") from taken
    return listening


def _uvicorn(api: Starlette, *, idle_seconds: int = IDLE_SECONDS) -> uvicorn.Config:
    return uvicorn.Config(
        api,
        timeout_keep_alive=idle_seconds,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=LARGEST_FRAME,
        ws_per_message_deflate=False,
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Signals are ours to hear: the roles end before the server does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _started(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    while not server.started:
        if serving.done():
            await serving
            raise CannotStart("the server ended before it began")
        await asyncio.sleep(0.01)


async def _goodbye(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    server.should_exit = True
    await serving


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
