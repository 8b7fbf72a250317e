"""The documentation page at /docs: Swagger UI from an installed package. Nothing on it comes from anywhere else."""

from pathlib import Path
from urllib.parse import urlsplit

from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp
from swagger_ui_bundle import swagger_ui_path

from api.reply import Reply
from api.services import Services

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ai-gateway</title>
<link rel="stylesheet" href="{base}/docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="{base}/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/docs/assets/swagger-ui-bundle.js"></script>
<script src="{base}/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({{
  url: "{base}/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
}});
"""
_SECURITY = [  # the page runs its own scripts and talks to its own server, and that is all
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            b"font-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


@get("/")
async def page(request: Request[None, None, State]) -> ASGIApp:
    return Reply(_PAGE.format(base=_base(request)).encode(), media_type=b"text/html; charset=utf-8", headers=_SECURITY)


@get("/start.js")
async def start(request: Request[None, None, State]) -> ASGIApp:
    script = _START.format(base=_base(request)).encode()
    return Reply(script, media_type=b"text/javascript; charset=utf-8", headers=_SECURITY)


def _base(request: Request[None, None, State]) -> str:
    """The path that the configured public URL puts before ours."""
    return urlsplit(Services.of(request).settings.public_url or "").path.rstrip("/")


_assets = create_static_files_router(
    "/assets", directories=[Path(str(swagger_ui_path))], include_in_schema=False, name="docs-assets"
)
router = Router("/docs", route_handlers=[page, start, _assets], include_in_schema=False)
