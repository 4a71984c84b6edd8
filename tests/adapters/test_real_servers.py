"""The servers behind the tests are the real ones, as durable as they ship, and come back when they are killed."""

import asyncio
import uuid
from contextlib import closing

import pymysql
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from tests.servers import KafkaServer, MysqlServer, RedisServer
from tests.servers.databases import connect, fresh_mysql_database

MYSQL_DURABILITY = "SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin, @@transaction_isolation"


def mysql_answer(url: str, query: str) -> tuple[object, ...] | None:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


async def create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=b"key")
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=topic, enable_auto_commit=False)
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


def test_mysql_is_version_9_and_durable(mysql_url: str) -> None:
    assert mysql_answer(mysql_url, "SELECT SUBSTRING_INDEX(VERSION(), '.', 1)") == ("9",)
    assert mysql_answer(mysql_url, MYSQL_DURABILITY) == (1, 1, 1, "REPEATABLE-READ")


def test_a_fresh_database_is_empty_and_goes_afterwards(mysql_url: str) -> None:
    with fresh_mysql_database(mysql_url) as url:
        name = url.rsplit("/", 1)[1]
        assert mysql_answer(url, "SELECT DATABASE()") == (name,)
        assert mysql_answer(url, "SHOW TABLES") is None
    assert mysql_answer(mysql_url, f"SHOW DATABASES LIKE '{name}'") is None


async def test_redis_appends_and_never_evicts(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        assert await redis.config_get("appendonly", "maxmemory-policy", "save") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
            "save": "",
        }


async def test_kafka_hands_on_what_it_acknowledged(kafka_bootstrap: str) -> None:
    topic = f"topic-{uuid.uuid4().hex}"
    await create_topic(kafka_bootstrap, topic)
    await produce(kafka_bootstrap, topic, b"first")
    await produce(kafka_bootstrap, topic, b"second")
    assert await consume(kafka_bootstrap, topic, 2) == [b"first", b"second"]


@pytest.mark.real
def test_a_killed_mysql_comes_back_with_what_was_committed() -> None:
    with MysqlServer.started() as server:
        with closing(connect(server.url)) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop")
            cursor.execute("CREATE TABLE shop.till (coins INT)")
            cursor.execute("INSERT INTO shop.till VALUES (7)")
            server.kill()
        with pytest.raises(pymysql.err.OperationalError):
            connect(server.url)
        server.restart()
        assert mysql_answer(server.url, "SELECT coins FROM shop.till") == (7,)


@pytest.mark.real
async def test_a_paused_redis_is_silent_and_a_restarted_one_remembers() -> None:
    with RedisServer.started(options=("--appendfsync", "always")) as server:
        async with Redis.from_url(server.url) as redis:
            await redis.set("key", "value")
            server.pause()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await redis.get("key")
            server.resume()
            server.kill()
        await asyncio.to_thread(server.restart)
        async with Redis.from_url(server.url) as redis:
            assert await redis.get("key") == b"value"


@pytest.mark.real
async def test_a_killed_kafka_comes_back_with_what_it_acknowledged() -> None:
    with KafkaServer.started() as server:
        await create_topic(server.url, "topic")
        await produce(server.url, "topic", b"before")
        server.kill()
        await asyncio.to_thread(server.restart)
        await produce(server.url, "topic", b"after")
        assert await consume(server.url, "topic", 2) == [b"before", b"after"]
