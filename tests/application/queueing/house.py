"""A house with one concert: the whole queue over a database in memory and the in-process Redis, or a real one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from fakeredis import FakeAsyncRedis, FakeServer

from adapters.embedded.redis import process_marker
from adapters.redis.admission import RedisAdmission
from adapters.redis.keys import PARTS, keys_of
from adapters.redis.pass_checks import RedisPassChecks
from adapters.redis.queue_changes import RedisQueueChanges
from adapters.redis.queue_recovery import RedisQueueRecovery
from adapters.redis.store import RedisStore
from adapters.redis.waiting_queue import RedisWaitingQueue
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.queueing.admit_buyers import AdmitBuyers
from application.queueing.epochs import Epochs
from application.queueing.forget_queue import ForgetQueue
from application.queueing.join_queue import JoinQueue, JoinQueueCommand
from application.queueing.leave_queue import LeaveQueue, LeaveQueueCommand
from application.queueing.operate_queue import OperateQueue
from application.queueing.queue_tokens import QueueTokens
from application.queueing.recover_queue import RecoverQueue
from application.queueing.sales import Sales
from application.queueing.settle_slots import SettleSlots
from application.queueing.show_position import ShowPosition
from application.queueing.show_queue import ShowQueue
from application.queueing.standing import Standing
from application.queueing.standings import Standings
from application.queueing.watch_position import ConcertWatches, WatchPosition
from application.retrying import Retrying
from application.transactor import Transactor
from domain.buyer import Buyer
from domain.concert import Concert
from domain.concert_queue import ConcertQueue
from domain.ids import BuyerId, ConcertId, UserId
from tests.fakes.memory_unit_of_work import MemoryUnitOfWork
from tests.fakes.memory_views import MemoryConcertView, MemoryQueueView

TIME_TO_COME_BACK = timedelta(seconds=0.5)
TOKENS = QueueTokens({"test": b"k" * 32})


class MovedClock:
    """The machine's time, moved by as much as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class CountedMetrics:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.gauges: dict[str, float] = {}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        del labels
        self.counts[name] = self.counts.get(name, 0) + amount

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        del name, seconds, labels

    def gauge(self, name: str, value: float, **labels: str) -> None:
        del labels
        self.gauges[name] = value


class NoHints:
    async def check_pass(self, buyer_id: BuyerId) -> None:
        del buyer_id

    async def wake_relay(self) -> None:
        return None

    async def wake_gateway(self) -> None:
        return None


class Process:
    """One process: its use cases over a store and a database that others may share."""

    def __init__(
        self,
        database: MemoryUnitOfWork,
        view: MemoryQueueView,
        store: RedisStore,
        clock: MovedClock,
        time_to_come_back: timedelta,
        sweep_every: float = 10.0,
        fresh_for: float = 0.0,
    ) -> None:
        self.store = store
        self.metrics = CountedMetrics()
        sleeper, ids = AsyncioSleeper(), Uuid7Generator()
        self.sales = Sales(MemoryConcertView(view), view, sleeper, fresh_for)
        transactor = Transactor(database, {}, NoHints(), self.metrics)
        retrying = Retrying(sleeper, RandomJitter(), self.metrics)
        standings = Standings(TOKENS, clock)
        line, self.recovery = RedisWaitingQueue(store), RedisQueueRecovery(store)
        self.recover = RecoverQueue(transactor, view, self.recovery, clock, ids, self.metrics, time_to_come_back)
        epochs = Epochs(self.sales, self.recover, sleeper)
        self.watches = ConcertWatches(self.sales, epochs, RedisQueueChanges(store), view, clock, self.metrics, tick_seconds=0.05)
        settle = SettleSlots(transactor, view, clock, self.metrics)
        forget = ForgetQueue(self.sales, self.recovery, clock)
        self.join = JoinQueue(self.sales, epochs, line, view, transactor, standings, TOKENS, clock)
        self.leave = LeaveQueue(self.sales, epochs, line, view, transactor, retrying, standings, clock)
        self.show = ShowPosition(self.sales, epochs, line, view, standings, clock)
        self.watch = WatchPosition(self.sales, self.watches, standings)
        self.overview = ShowQueue(self.sales, line)
        self.operate = OperateQueue(transactor, retrying, self.recovery, self.sales)
        self.checks = RedisPassChecks(store, self.metrics)
        self.admission = RedisAdmission(store)
        self.admit = AdmitBuyers(
            self.admission,
            settle,
            self.recover,
            forget,
            view,
            clock,
            sleeper,
            self.metrics,
            sweep_every=sweep_every,
            levers_fresh_for=fresh_for,
        )


class House:
    """The concert is on sale; capacity 10 and rate 1000 unless a test says otherwise."""

    def __init__(self, store: RedisStore, time_to_come_back: timedelta = TIME_TO_COME_BACK) -> None:
        self.clock = MovedClock()
        self.database = MemoryUnitOfWork(self.clock.now)
        self.view = MemoryQueueView(self.database)
        self.concert_id = ConcertId(uuid4())
        self.time_to_come_back = time_to_come_back
        self.set_sale()
        self.set_queue()
        self.one = self.process(store)
        self.server = FakeServer()

    def use(self, database: MemoryUnitOfWork) -> None:
        """Another database, before anything happened."""
        concerts = self.view.concerts
        self.database, self.view = database, MemoryQueueView(database)
        self.view.concerts = concerts
        self.one = self.process(self.one.store)

    def process(self, store: RedisStore, *, sweep_every: float = 10.0, fresh_for: float = 0.0) -> Process:
        """``fresh_for``: seconds for which what was read of the sale is good; 0, so that a test need not wait for it."""
        return Process(self.database, self.view, store, self.clock, self.time_to_come_back, sweep_every, fresh_for)

    def set_sale(self, *, gathers_in: float = -7200, opens_in: float = -3600, closes_in: float = 3600) -> None:
        now = self.clock.now()
        self.view.concerts[self.concert_id] = Concert(
            id=self.concert_id,
            title="첫눈",
            artist="밴드",
            queue_opens_at=now + timedelta(seconds=gathers_in),
            sales_open_at=now + timedelta(seconds=opens_in),
            sales_close_at=now + timedelta(seconds=closes_in),
        )

    def set_queue(self, *, capacity: int = 10, rate: int = 1000) -> None:
        known: ConcertQueue | None = self.database.kind("queues").get(self.concert_id)
        queue = known or ConcertQueue(concert_id=self.concert_id, capacity=capacity, rate=rate)
        self.database.put("queues", self.concert_id, queue.with_levers(capacity=capacity, rate=rate))

    @property
    def queue(self) -> ConcertQueue:
        queue: ConcertQueue = self.database.kind("queues")[self.concert_id]
        return queue

    def buyer(self, number: int) -> Buyer | None:
        return self.database.kind("buyers").get(BuyerId(self.concert_id, fan(number)))

    def live_passes(self) -> int:
        now = self.clock.now()
        return sum(buyer.has_live_pass(now) for buyer in self.database.kind("buyers").values())

    async def join(self, number: int, resume_token: str | None = None) -> Standing:
        return await self.one.join(JoinQueueCommand(user_id=fan(number), concert_id=self.concert_id, resume_token=resume_token))

    async def leave(self, number: int, value: str) -> Standing:
        return await self.one.leave(LeaveQueueCommand(user_id=fan(number), queue_token=value))

    async def show(self, number: int, value: str) -> Standing:
        return await self.one.show(fan(number), value)

    def watch(self, number: int, value: str) -> AsyncGenerator[Standing, None]:
        return self.one.watch(fan(number), value)

    async def admit(self) -> int:
        return await self.one.admit()

    def key(self, part: str) -> str:
        return keys_of(self.concert_id)[PARTS.index(part)]

    def take_line_away(self) -> None:
        self.server.connected = False

    def bring_line_back(self) -> None:
        self.server.connected = True

    async def until_all_came_back(self) -> None:
        await asyncio.sleep(self.time_to_come_back.total_seconds() + 0.05)

    async def forget_everything(self) -> None:
        """What FLUSHALL does to this concert."""
        await self.one.recovery.purge(self.concert_id)


@asynccontextmanager
async def embedded_house(time_to_come_back: timedelta = TIME_TO_COME_BACK) -> AsyncIterator[House]:
    server = FakeServer()
    store = RedisStore(FakeAsyncRedis(server=server, protocol=2), process_marker)
    house = House(store, time_to_come_back)
    house.server = server
    yield house
    await house.one.watches.close()
    await store.close()


def fan(number: int) -> UserId:
    return UserId(UUID(int=number))
