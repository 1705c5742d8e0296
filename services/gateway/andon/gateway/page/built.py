"""The dashboard as Vite built it: one page for all of its addresses, and files that never change."""

import mimetypes
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from andon.gateway.envelope import dashboard_policy

_NONCE = "__STYLE_NONCE__"
_NOT_BUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Andon</title></head>
<body>
<h1>The dashboard is not built</h1>
<p>Andon works; its dashboard was not built in this checkout. <code>scripts/setup</code> builds it,
or in <code>services/gateway/dashboard</code>: <code>npm ci</code>, then <code>npm run build</code>.
Then load this page again.</p>
<p>The API is described at <a href="/docs">/docs</a>.</p>
</body>
</html>
"""
_FOREVER = "public, max-age=31536000, immutable"
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Of files that the build laid beside others; the smallest first."""


@dataclass(frozen=True)
class Dashboard:
    folder: Path

    def page(self) -> HTMLResponse:
        """The page of all addresses of the dashboard, or how to build it where that was not done."""
        try:
            page = (self.folder / "index.html").read_text(encoding="utf-8")
        except FileNotFoundError:
            return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})
        nonce = secrets.token_urlsafe(16)
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": dashboard_policy(nonce)}
        return HTMLResponse(page.replace(_NONCE, nonce), headers=headers)


class Assets(StaticFiles):
    """Files whose names change with their content, compressed where the client takes that."""

    async def check_config(self) -> None:
        """Nothing: where the dashboard is not built, each file is simply not there."""

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Any, status_code: int = 200
    ) -> Response:
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        taken = {
            each.split(";")[0].strip() for each in Headers(scope=scope).get("accept-encoding", "").split(",")
        }
        media_type = mimetypes.guess_type(str(full_path))[0]
        for coding, ending in _CODINGS:
            packed = Path(f"{full_path}{ending}")
            if coding in taken and packed.is_file():
                headers["Content-Encoding"] = coding
                return FileResponse(packed, status_code, headers, media_type)
        return FileResponse(full_path, status_code, headers, media_type, stat_result=stat_result)
