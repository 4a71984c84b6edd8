"""Ids rise within a process, whatever the clock does."""

import time
from threading import Thread
from uuid import UUID

import pytest

from adapters.system.ids import Uuid7Generator


def test_they_are_version_7_and_tell_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = Uuid7Generator().new_id()
    assert (made.version, made.variant) == (7, UUID(int=0x8000 << 48).variant)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_they_rise_and_are_unique() -> None:
    ids = Uuid7Generator()
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_they_rise_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = Uuid7Generator()
    first = ids.new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    assert first < ids.new_id() < ids.new_id()


def test_threads_share_them() -> None:
    ids, made = Uuid7Generator(), []

    def make() -> None:
        made.extend([ids.new_id() for _ in range(2_000)])

    threads = [Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8_000
