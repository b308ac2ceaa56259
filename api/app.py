"""The HTTP API. Each route resolves its input, makes one call on the store and formats the result.

Routes that compute are plain functions, so FastAPI runs them in its thread pool and the event loop stays free.
"""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import ValidationError

import kstore
from api.problems import install
from api.schemas import AskBody, DocumentBody, Revision, SearchBody, filter_of
from kstore import shapes
from kstore.controls import controls_for
from kstore.errors import InputError
from kstore.service import KStore
from kstore.text.sources import check_size, decode
from kstore.types import text_digest


def create_app(store: KStore) -> FastAPI:
    """The application over ``store``, which the caller keeps open while it serves and closes afterwards."""
    app = FastAPI(
        title="kstore",
        version=kstore.__version__,
        description="One question, two memories.",
        docs_url=None,  # its page would load scripts from another host
        redoc_url=None,
    )
    install(app)

    async def document_text(name: str, request: Request) -> str:
        """The document's text in the request's body, raw or as JSON; read no further than a document may be long."""
        data = bytearray()
        async for part in request.stream():
            data += part
            check_size(len(data), name, store.max_document_bytes)
        text = decode(bytes(data), name, store.max_document_bytes)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return text
        try:
            return DocumentBody.model_validate_json(text).text
        except ValidationError as error:
            raise InputError(
                f'a JSON body must be an object with the document\'s "text": {error.errors()[0]["msg"]}'
            ) from error

    @app.post("/v1/ask")
    def ask(body: AskBody) -> dict[str, Any]:
        changes = body.controls.model_dump(exclude_none=True) if body.controls else {}
        controls = controls_for(body.preset, k=body.k, as_of=body.as_of, where=filter_of(body), changes=changes)
        return shapes.reply_shape(store.ask(body.question, body.arm, controls))

    @app.post("/v1/search")
    def search(body: SearchBody) -> dict[str, Any]:
        return shapes.evidence_shape(store.search(body.query, body.k, body.method, body.as_of, where=filter_of(body)))

    @app.get("/v1/documents")
    def documents(as_of: Revision | None = None) -> dict[str, Any]:
        return shapes.documents_shape(*store.documents(as_of))

    @app.get("/v1/documents/{name:path}/history")
    def history(name: str) -> dict[str, Any]:
        return shapes.history_shape(name, store.history(name))

    @app.get("/v1/documents/{name:path}")
    def document(name: str, as_of: Revision | None = None, accept: Annotated[str | None, Header()] = None) -> Response:
        found = store.show(name, as_of)
        headers = {"ETag": f'"{found.digest}"', "Vary": "Accept"}
        if (accept or "").startswith("text/"):
            return PlainTextResponse(found.text, media_type="text/markdown", headers=headers)
        return JSONResponse(shapes.document_shape(found), headers=headers)

    @app.put("/v1/documents/{name:path}")
    def put(
        name: str, text: Annotated[str, Depends(document_text)], if_match: Annotated[str | None, Header()] = None
    ) -> JSONResponse:
        if name.endswith("/history"):
            raise InputError("over HTTP, no document can be called history: that is the route of its folder's history")
        receipt = store.put(name, text, _expected(name, if_match))
        headers = {"ETag": f'"{text_digest(text)}"'}
        return JSONResponse(shapes.receipt_shape(receipt), 201 if receipt.added else 200, headers)

    @app.delete("/v1/documents/{name:path}")
    def delete(name: str, if_match: Annotated[str | None, Header()] = None) -> dict[str, Any]:
        return shapes.receipt_shape(store.delete(name, _expected(name, if_match)))

    @app.get("/v1/status")
    def status() -> dict[str, Any]:
        return store.status()

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> dict[str, Any]:
        return {"status": "ready", "revision": store.ready()}

    return app


def _expected(name: str, if_match: str | None) -> dict[str, str | None]:
    """The digest that the document must still have, from an ``If-Match`` header."""
    if if_match is None:
        return {}
    tag = if_match.strip()
    if len(tag) < 3 or not tag.startswith('"') or not tag.endswith('"') or "," in tag:
        raise InputError("If-Match takes one ETag, in double quotes, as a document's answer gave it")
    return {name: tag.strip('"')}
