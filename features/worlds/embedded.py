"""The embedded default: one process, which brings its own database, queue, broker and mailbox."""

import secrets
from contextlib import ExitStack

from features.worlds.accounts import operator_token
from features.worlds.service import BookingService, Tempo
from features.worlds.world import OwnServers, World, scratch_directory
from tests.servers.ports import free_port


class EmbeddedWorld(World):
    """`concert serve`, as `make run` starts it; at other tempos with a given secret instead of those it makes."""

    def _laid_out(self, tempo: Tempo, servers: OwnServers | None, stack: ExitStack) -> BookingService:
        if servers is not None:
            raise ValueError("the embedded default has no server of its own to break")
        directory, port = scratch_directory(), free_port()
        jwt_secret = "" if tempo == Tempo() else secrets.token_urlsafe(48)
        return BookingService(
            url=f"http://127.0.0.1:{port}",
            commands=[("serve",)],
            environment={
                "CONCERT_PROFILE": "embedded",
                "CONCERT_PORT": str(port),
                "CONCERT_DATA_DIR": str(directory / "data"),
                "CONCERT_JWT_SECRET": jwt_secret,
                **tempo.settings,
            },
            directory=directory,
            operator_token=operator_token(jwt_secret) if jwt_secret else None,
        )
