"""Errors over HTTP: one shape (RFC 9457), one table, one place."""

import logging
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kstore.errors import KStoreError

PROBLEM = "application/problem+json"

log = logging.getLogger("kstore.api")


def problem(request: Request, status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """The error response ``{"type", "title", "status", "code", "detail", "request_id", ...}``."""
    body = {
        "type": "about:blank",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request.state.request_id,
        **more,
    }
    return JSONResponse(body, status_code=status, media_type=PROBLEM)


def install(app: FastAPI) -> None:
    """Let every failure of ``app`` answer as a problem, and every response carry its request's id."""

    @app.middleware("http")
    async def identify(request: Request, call_next: Any) -> Any:
        request.state.request_id = uuid.uuid4().hex
        try:
            response = await call_next(request)
        except Exception:
            log.exception("request %s failed", request.state.request_id)
            response = problem(request, 500, "internal", "something went wrong; the log has it under this request_id")
        response.headers["X-Request-Id"] = request.state.request_id
        return response

    @app.exception_handler(KStoreError)
    async def refused(request: Request, error: KStoreError) -> JSONResponse:
        return problem(request, error.status, error.code, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"where": ".".join(str(part) for part in it["loc"]), "what": it["msg"]} for it in error.errors()]
        detail = "; ".join(f"{it['where']}: {it['what']}" for it in errors)
        return problem(request, 422, "bad_input", detail, errors=errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        response = problem(request, error.status_code, code, str(error.detail))
        response.headers.update(error.headers or {})
        return response
