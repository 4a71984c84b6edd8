"""The secrets of an embedded installation, which nobody has to think of."""

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

SECRETS_FILE = "secrets.json"


class SecretsUnusable(Exception):
    """Of the folder: it cannot be written, or what lies there cannot be read."""


def generated_secrets(data_dir: Path) -> Mapping[str, str]:
    """Made once, readable by the owner alone; from then on the same, so that tokens outlive a restart. Raises SecretsUnusable."""
    path = data_dir / SECRETS_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        made = {
            "jwt_secret": secrets.token_urlsafe(48),
            "queue_token_keys": f"k1:{b64encode(secrets.token_bytes(32)).decode()}",
            "ticket_secret": secrets.token_urlsafe(48),
        }
        # Written whole under another name, then linked: of two processes that start at once, the second reads the first's.
        draft = path.with_name(f"{SECRETS_FILE}.{os.getpid()}")
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(made))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        kept = json.loads(path.read_text())
    except OSError as unusable:
        raise SecretsUnusable(f"is not usable: {unusable.strerror}") from unusable
    except ValueError as damaged:
        raise SecretsUnusable(f"holds a damaged {SECRETS_FILE}: restore it, or remove it to start with new secrets") from damaged
    return {str(name): str(value) for name, value in kept.items()}
