"""A photo sent to a WhatsApp number is served to a person who may see it."""

import hashlib
import re

import pytest

from doubles.whatsapp_graph import GRAPH_HOST, MEDIA_HOST
from site_under_test import FIXTURES, PHOTO, Site, photo

MEDIA = FIXTURES / "providers" / "media"


def test_a_photo_travels_from_webhook_to_browser(site):
    content = photo()
    item = site.receive_photo(content)
    answer = site.get(item["file_url"])
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["Content-Type"] == "image/jpeg"
    digest = hashlib.sha256(content).hexdigest()
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert item["sha256"] == digest and item["file_size"] == len(content)


@pytest.mark.parametrize("kind, name, mime_type", [
    ("image", "pixel.png", "image/png"),
    ("sticker", "sticker.webp", "image/webp"),
    ("audio", "voice.ogg", "audio/ogg; codecs=opus"),
    ("audio", "voicemail.mp3", "audio/mpeg"),
    ("video", "clip.mp4", "video/mp4"),
    ("document", "invoice.pdf", "application/pdf"),
])
def test_every_kind_of_media_arrives(site, kind, name, mime_type):
    content = (MEDIA / name).read_bytes()
    message = site.offer(content, kind, mime_type, **({"filename": name} if kind == "document" else {}))
    site.send(message)
    item = site.wait_for(message["id"])
    assert item["mime_type"] == mime_type.partition(";")[0]
    assert item["file_type"] == ("image" if kind == "sticker" else kind)
    answer = site.get(item["file_url"])
    assert answer.content == content
    assert answer.headers["Content-Type"] == item["mime_type"]


def test_a_document_keeps_its_name_and_is_not_rendered_in_the_sites_origin(site):
    content = (MEDIA / "invoice.pdf").read_bytes()
    message = site.offer(content, "document", "application/pdf", filename="Rechnung Müller.pdf")
    site.send(message)
    item = site.wait_for(message["id"])
    assert item["file_name"] == "Rechnung Müller.pdf"
    disposition = site.get(item["file_url"]).headers["Content-Disposition"]
    assert "filename*=UTF-8''Rechnung%20M%C3%BCller.pdf" in disposition


def test_a_hostile_file_name_stays_in_its_place(site):
    message = site.offer(photo(), "document", "image/jpeg",
                         filename="../../../etc/cron.d/x\r\nSet-Cookie: a=b\x00.jpg")
    site.send(message)
    item = site.wait_for(message["id"])
    answer = site.get(item["file_url"])
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
    assert "/" not in answer.headers["Content-Disposition"].partition("filename")[2].replace(
        "UTF-8''", "")
    for path in site.stored_files():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", path.name)


def test_the_credential_goes_to_the_provider_only(site, graph):
    message = site.offer(faults=[("download", "redirect", 1)])
    site.send(message)
    site.wait_for(message["id"])
    media_id = message["image"]["id"]
    assert all(seen.authorized for seen in graph.requests_for(media_id, GRAPH_HOST))
    assert all(seen.authorized for seen in graph.requests_for(media_id, MEDIA_HOST))
    assert graph.leaks == []
    assert all(re.match(r"ngx_media/\d", seen.user_agent)
               for seen in graph.requests_for(media_id))


def test_a_url_in_the_webhook_saves_the_resolving_call(site, graph):
    message = site.offer()
    media_id = message["image"]["id"]
    message["image"]["url"] = graph.issue_url(media_id)
    site.send(message)
    site.wait_for(message["id"])
    assert graph.requests_for(media_id, GRAPH_HOST) == []


def test_ten_photos_of_one_delivery_all_arrive(site):
    contents = [photo() for _ in range(10)]
    messages = [site.offer(content) for content in contents]
    site.send(*messages)
    for message, content in zip(messages, contents):
        item = site.wait_for(message["id"])
        assert site.get(item["file_url"]).content == content


def test_the_same_photo_twice_is_stored_once(site):
    content = photo()
    first, second = site.receive_photo(content), site.receive_photo(content)
    assert first["id"] != second["id"]
    assert first["sha256"] == second["sha256"]
    assert site.count("blobs", f"sha256 = '\\x{first['sha256']}'") == 1
    assert site.get(second["file_url"]).content == content
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in site.stored_files()]
    assert digests.count(first["sha256"]) == 1


def test_the_same_photo_many_times_at_once_is_stored_once(site):
    content = photo()
    messages = [site.offer(content) for _ in range(12)]
    site.send(*messages)
    items = [site.wait_for(message["id"]) for message in messages]
    assert len({item["sha256"] for item in items}) == 1
    assert site.count("blobs", f"sha256 = '\\x{items[0]['sha256']}'") == 1
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in site.stored_files()]
    assert digests.count(items[0]["sha256"]) == 1


def test_two_companies_do_not_share_stored_files(stack, graph, site):
    content = photo()
    other = Site(stack, graph)
    mine, theirs = site.receive_photo(content), other.receive_photo(content)
    assert mine["sha256"] == theirs["sha256"]
    assert len(other.stored_files()) == 1
    assert other.get(mine["file_url"]).status_code == 404
    assert site.get(theirs["file_url"]).status_code == 404


def test_nothing_temporary_is_left_in_the_store(site):
    site.receive_photo(PHOTO)
    completed = site.count("blobs", "state = 'live'")
    assert len(site.stored_files()) == completed
    assert [path for path in site.stack.root.rglob("*") if "tmp" in path.name and
            path.is_file()] == []
