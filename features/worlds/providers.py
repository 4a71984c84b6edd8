"""The simulated card gateway and notification providers, in a process that a scenario may break as it may any server."""

from pathlib import Path

from features.worlds.process import ConcertProcess, await_answer


class Providers:
    """``url`` stays, and so does what their books say, whatever happens to the process."""

    def __init__(self, url: str, process: ConcertProcess) -> None:
        self.url = url
        self._process = process

    @classmethod
    def at(cls, port: int, directory: Path) -> "Providers":
        arguments = ("simulators", "--port", str(port), "--data-dir", str(directory))
        return cls(f"http://127.0.0.1:{port}", ConcertProcess(*arguments, environment={}, directory=directory))

    def start(self) -> None:
        """Returns at once when they run; lets go on who was paused."""
        self._process.resume()
        self._process.start()
        await_answer(f"{self.url}/mailbox.json", self._process)

    def pause(self) -> None:
        """Connections stay open, and nothing answers."""
        self._process.pause()

    def kill(self) -> None:
        self._process.kill()

    def discard(self) -> None:
        self._process.discard()
