"""What a process of the nursery has before it is born: everything imported, the certificates read, nothing begun."""

import functools
import gc
import ssl

import anyio._backends._asyncio
import httpcore
import httpx

import entrypoints.cli
import tests.chaos.saga_runs
from adapters.embedded.redis import embedded_redis

READY = (anyio._backends._asyncio, httpcore, tests.chaos.saga_runs, entrypoints.cli)

# Each client would read the machine's certificates anew, and each store its list of commands.
ssl.create_default_context = functools.cache(ssl.create_default_context)  # type: ignore[assignment]
httpx.create_ssl_context(trust_env=False)
embedded_redis()
gc.freeze()
