"""The usual media route of a FastAPI application: check the session, look the row up, hand over
to nginx."""

import os
from pathlib import Path
from uuid import UUID

import asyncpg
import jwt
from fastapi import FastAPI, Request, Response

KEY = Path(os.environ["JWT_KEY_FILE"]).read_text().rstrip()
LOOKUP = """SELECT company_id, status, storage_key, mime_type, file_name
            FROM media.lookup_media($1)"""
app = FastAPI(openapi_url=None)


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(
        host=os.environ["DATABASE_SOCKET"], database="media", user="media_nginx",
        min_size=10, max_size=10)


def company_of(authorization):
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer":
        return None
    try:
        return UUID(jwt.decode(token, KEY, algorithms=["HS256"], audience="ngx_media",
                               options={"require": ["exp", "sub"]})["company"])
    except (jwt.PyJWTError, KeyError, ValueError):
        return None


@app.get("/fastapi/{media_id}")
async def media(media_id: UUID, request: Request):
    company = company_of(request.headers.get("authorization", ""))
    if company is None:
        return Response(status_code=401)
    row = await app.state.pool.fetchrow(LOOKUP, media_id)  # prepared once for each connection
    if row is None or row["company_id"] != company or row["status"] != "completed":
        return Response(status_code=404)
    name = row["file_name"] or "file"
    return Response(media_type=row["mime_type"], headers={
        "X-Accel-Redirect": "/internal/" + row["storage_key"],
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "private, max-age=3600, immutable",
    })
