"""MySQL 9 from Debian unstable, in a root of its own: the machine's own release may only have MariaDB, which is another server."""

import os
import tempfile
from pathlib import Path

import pymysql

from tests.servers.cache import cached
from tests.servers.containers import ContainerRunner, engine_answers
from tests.servers.native import NativeRunner, remove_tree
from tests.servers.server import Runner, Server, ServerUnavailable
from tests.servers.tools import require, require_root, succeed

INSTEAD = "Name a MySQL 9 server by TEST_MYSQL_URL=mysql://root@host:port/ instead."


class MysqlServer(Server):
    """MySQL 9 with its default durability; root has no password."""

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/"

    def answers(self) -> bool:
        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=1, read_timeout=2).close()
        except pymysql.err.OperationalError:
            return False
        return True

    def _runner_with_data(self) -> Runner:
        if engine_answers():
            return ContainerRunner(service="mysql", port=self.port, options=self.options)
        root = mysql_root()
        directory = Path(tempfile.mkdtemp(prefix="mysql-", dir=root / "srv"))
        owner = mysql_user(root)
        os.chown(directory, *owner)
        inside = f"/srv/{directory.name}"
        mysqld = ["chroot", str(root), "mysqld", "--no-defaults", "--user=mysql", f"--datadir={inside}/data"]
        try:
            succeed([*mysqld, "--initialize-insecure"], instead=INSTEAD)
        except BaseException:
            remove_tree(directory)
            raise
        listening = [f"--port={self.port}", "--bind-address=127.0.0.1", "--mysqlx=OFF", "--secure-file-priv=NULL"]
        files = [f"--socket={inside}/my.sock", f"--pid-file={inside}/my.pid"]
        return NativeRunner(command=[*mysqld, *listening, *files, *self.options], directory=directory, log=directory / "log")


def mysql_root() -> Path:
    """The cached root that holds mysqld."""
    require_root("Running mysqld in a root of its own", instead=INSTEAD)
    return cached("mysql-9", build_root)


def build_root(scratch: Path) -> None:
    """Bootstrap a minimal Debian unstable with MySQL's server into an empty folder."""
    require({"debootstrap": "debootstrap"}, instead=INSTEAD)
    succeed(["debootstrap", "--variant=minbase", "--include=mysql-server-core", "sid", str(scratch), debian_mirror()], instead=INSTEAD)
    succeed(["chroot", str(scratch), "useradd", "-r", "mysql"], instead=INSTEAD)
    for packages in (scratch / "var/cache/apt/archives").glob("*.deb"):
        packages.unlink()


def mysql_user(root: Path) -> tuple[int, int]:
    """The user and group ids of `mysql` within that root."""
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        if name == "mysql":
            return int(user), int(group)
    raise ServerUnavailable(f"{root} has no user mysql: remove the folder, and it is built again")


def debian_mirror(sources: Path = Path("/etc/apt")) -> str:
    """The first package source of this very machine: what it may reach is its owner's decision."""
    for listed in sorted(sources.glob("sources.list.d/*.sources")):
        for line in listed.read_text().splitlines():
            if line.startswith("URIs:"):
                return line.split()[1]
    for listed in [sources / "sources.list", *sorted(sources.glob("sources.list.d/*.list"))]:
        for line in listed.read_text().splitlines() if listed.exists() else []:
            words = [word for word in line.split() if not (word.startswith("[") or word.endswith("]"))]
            if words[:1] == ["deb"]:
                return words[1]
    raise ServerUnavailable(f"{sources} names no package source. {INSTEAD}")
