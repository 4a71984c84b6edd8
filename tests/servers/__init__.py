"""Real servers for tests, demos and benchmarks: named by the environment, else in containers, else from native recipes."""

from tests.servers.kafka import KafkaServer
from tests.servers.mysql import MysqlServer
from tests.servers.redis import RedisServer
from tests.servers.server import Server, ServerUnavailable

__all__ = ["KafkaServer", "MysqlServer", "RedisServer", "Server", "ServerUnavailable"]
