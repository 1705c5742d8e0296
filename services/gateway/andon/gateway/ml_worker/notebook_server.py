"""Runs JupyterLab in a job's folder and says where it answers; goes with the job, and needs jupyterlab alone.

The job's variables: ANDON_NOTEBOOK_DIGEST (SHA-256 of the token, so that who reads the job learns no token),
ANDON_NOTEBOOK_HOST, ANDON_NOTEBOOK_FOLDER, ANDON_NOTEBOOK_IDLE (seconds).
"""

import hashlib
import hmac
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider
from jupyterlab.labapp import LabApp
from tornado.ioloop import PeriodicCallback
from traitlets.config import Config

HOST = os.environ["ANDON_NOTEBOOK_HOST"]
DIGEST = os.environ["ANDON_NOTEBOOK_DIGEST"]
IDLE = float(os.environ["ANDON_NOTEBOOK_IDLE"])
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the operator may have set
_LOOK_SECONDS = min(IDLE / 4, 10)


class Digested(IdentityProvider):
    """Lets in who knows the token whose digest it was given."""

    async def get_user_token(self, handler: Any) -> Any:
        return self.generate_anonymous_user(handler) if _good(self.get_token(handler)) else None

    def process_login_form(self, handler: Any) -> Any:
        typed = handler.get_argument("password", default="")
        return self.generate_anonymous_user(handler) if _good(typed) else None


def _good(token: str | None) -> bool:
    given = hashlib.sha256((token or "").encode()).hexdigest()
    return hmac.compare_digest(given, DIGEST)


def main() -> None:
    folder = Path(os.environ["ANDON_NOTEBOOK_FOLDER"]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = LabApp.initialize_server(config=_config(folder))
    server.io_loop.add_callback(_tell, server)
    PeriodicCallback(lambda: _stop_if_idle(server), _LOOK_SECONDS * 1000).start()
    server.start()


def _config(folder: Path) -> Config:
    config = Config()
    config.ServerApp.update(
        ip=HOST,
        port=0,
        root_dir=str(folder),
        open_browser=False,
        identity_provider_class=Digested,
        allow_root=True,  # as whoever runs the worker
        allow_remote_access=not HOST.startswith("127."),
    )
    config.MappingKernelManager.update(
        cull_idle_timeout=max(int(IDLE), 1), cull_interval=max(int(_LOOK_SECONDS), 1), cull_connected=True
    )
    config.LabApp.update(
        check_for_updates_class="jupyterlab.NeverCheckForUpdate", extension_manager="readonly"
    )
    return config


def _tell(server: Any) -> None:
    _say("::andon message=" + json.dumps(f"http://{_reached_at()}:{server.port}/lab"))


def _reached_at() -> str:
    """Where this machine is reached when it listens everywhere."""
    if HOST != _EVERYWHERE:
        return HOST
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: only asks the system for a way out
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _stop_if_idle(server: Any) -> None:
    kernels = server.kernel_manager.list_kernels()
    busy = any(kernel.get("execution_state") == "busy" for kernel in kernels)
    unused = (datetime.now(UTC) - server.web_app.last_activity()).total_seconds()
    if not busy and unused > IDLE:
        _say(f"nobody used it for {unused:.0f} seconds")
        server.stop()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
