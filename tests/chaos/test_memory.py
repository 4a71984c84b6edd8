"""Memory does not grow with what was sold and told; the long form is `make bench-soak`."""

import subprocess
import sys

import pytest

from benchmarks.soak.memory import Bound, Growth, Sample, gauge, growth, resident

MIB = 1 << 20
LENGTH = ("--payments", "600", "--messages", "2000")


def test_600_payments_and_2000_messages_leave_nothing_behind() -> None:
    """In a process of its own, whose memory is nobody else's. A block or two each is noise at this length; a kept id is four."""
    command = [sys.executable, "-m", "benchmarks.soak", *LENGTH, "--blocks-each", "2.5", "--rss-mib", "12"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "tickets=600 notified=2000 dead_letters=0" in ended.stdout
    assert "payments: flat" in ended.stdout
    assert "messages: flat" in ended.stdout


def line(rss_each: int, blocks_each: int) -> list[Sample]:
    """The first third falls: a start is not what is looked at."""
    before = [Sample(done=done, rss=90 * MIB - done, blocks=9_000 - done) for done in range(0, 300, 100)]
    return before + [
        Sample(done=done, rss=80 * MIB + rss_each * done, blocks=5_000 + blocks_each * done) for done in range(300, 1_001, 100)
    ]


def test_what_grows_is_seen() -> None:
    grown = growth(line(rss_each=20_000, blocks_each=3))
    assert grown == Growth(done=700, rss_each=20_000.0, blocks_each=3.0)
    assert grown.rss == 14_000_000
    assert grown.exceeds(Bound(rss=13_999_999, blocks_each=3.1))
    assert grown.exceeds(Bound(rss=14_000_001, blocks_each=2.9))
    assert not grown.exceeds(Bound(rss=14_000_001, blocks_each=3.1))


def test_what_stays_is_not() -> None:
    assert not growth(line(rss_each=0, blocks_each=0)).exceeds(Bound(rss=0, blocks_each=0.0))


def test_two_samples_say_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        growth(line(0, 0)[:2])


def test_a_sample_sees_what_is_kept() -> None:
    with gauge() as sample:
        before = sample(0)
        kept, large = [str(number) for number in range(100_000, 200_000)], b"x" * (64 * MIB)
        after = sample(len(kept))
    assert after.blocks - before.blocks >= len(kept)
    assert after.rss - before.rss > len(large) // 2
    assert resident() > MIB
