"""The generic webhook: Standard Webhooks signatures, media by URL."""

import time

import pytest

from doubles.standard_webhook import event, sign
from site_under_test import Site, photo
from test_whatsapp_webhook import is_problem


@pytest.fixture(scope="module")
def hook(site):
    return site.add_generic()


@pytest.fixture
def media(file_host):
    """Puts a photo on a public host; what the webhook says of it."""
    def put(content=None, name=None, **fields):
        name = name or f"{time.monotonic_ns()}.jpg"
        return {"url": file_host.add(name, content or photo(), "image/jpeg")} | fields
    return put


def test_a_message_without_media_is_taken(site, hook):
    payload = event([])
    assert hook.post(payload).status_code == 200
    assert site.items(payload["data"]["id"]) == []


def test_ten_media_of_one_message_arrive_in_order(site, hook, media):
    contents = [photo() for _ in range(10)]
    payload = event([media(content, f"{index}-{time.monotonic_ns()}.jpg", file_name=f"{index}.jpg")
                     for index, content in enumerate(contents)])
    assert hook.post(payload).status_code == 200
    items = site.wait_for_all(payload["data"]["id"], 10)
    assert [item["item_index"] for item in items] == list(range(10))
    assert [item["file_name"] for item in items] == [f"{index}.jpg" for index in range(10)]
    for item, content in zip(items, contents):
        assert site.get(item["file_url"]).content == content


def test_no_credential_is_sent_to_a_public_host(site, hook, media, file_host):
    payload = event([media(name="public.jpg")])
    assert hook.post(payload).status_code == 200
    site.wait_for(payload["data"]["id"])
    headers = next(headers for name, headers in file_host.requests if name == "public.jpg")
    assert "Authorization" not in headers and "Cookie" not in headers


def test_the_announced_digest_is_checked(site, hook, media):
    payload = event([media(sha256="0" * 64)])
    assert hook.post(payload).status_code == 200
    item = site.wait_for(payload["data"]["id"], "failed")
    assert item["last_error"].startswith("hash_mismatch")


def test_the_shape_of_the_standard_example_is_understood(site, hook, media):
    content = photo()
    payload = {"type": "message.media.received", "timestamp": "2026-11-21T08:33:20.000Z",
               "data": {"id": f"m{time.monotonic_ns()}", "media": [
                   media(content) | {"content_type": "image/jpeg", "size": len(content)}]}}
    assert hook.post(payload).status_code == 200
    site.wait_for(payload["data"]["id"])


def test_other_event_types_are_acknowledged_and_ignored(site, hook, media):
    before = site.count("media_files")
    assert hook.post(event([media()], kind="message.deleted")).status_code == 200
    assert site.count("media_files") == before


def test_eleven_media_are_too_many(hook, media):
    assert is_problem(hook.post(event([media() for _ in range(11)])), 400)


@pytest.mark.parametrize("payload", [
    b"", b"{", b"[]", b"null", b'{"type":"x","type":"y"}', b"\xff", b"[" * 5000,
    {"type": "message.received"}, {"type": "message.received", "data": []},
    {"type": "message.received", "data": {"media": []}},
    {"type": "message.received", "data": {"id": "x", "media": [{"no": "url"}]}},
    {"type": "message.received", "data": {"id": "x", "media": [{"url": 5}]}},
    {"type": "message.received", "data": {"id": "x", "media": {}}},
    {"type": 5, "data": {"id": "x", "media": []}},
], ids=str)
def test_a_malformed_body_is_400_and_says_what_is_wrong(hook, payload):
    answer = hook.post(payload)
    assert is_problem(answer, 400)
    assert len(answer.json()["detail"]) > 10


def test_a_wrong_signature_is_refused(hook):
    assert is_problem(hook.post(event([]), headers={"webhook-signature": "v1,AAAA"}), 401)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(hook, missing):
    assert is_problem(hook.post(event([]), headers={missing: None}), 401)


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_a_timestamp_far_from_now_is_refused(hook, offset):
    assert is_problem(hook.post(event([]), timestamp=time.time() + offset), 401)


def test_a_signature_of_another_id_is_refused(hook):
    assert is_problem(hook.post(event([]), headers={"webhook-id": "msg_other"}), 401)


def test_svix_headers_are_the_same_headers(hook):
    assert hook.post(event([]), prefix="svix").status_code == 200


def test_one_good_signature_among_several_is_enough(hook):
    import json
    body = json.dumps(event([])).encode()
    now = str(int(time.time()))
    good = sign(hook.secret, "msg_several", now, body)
    answer = hook.post(body, message_id="msg_several", timestamp=int(now),
                       headers={"webhook-signature": f"v1,AAAA v1a,BBBB {good}"})
    assert answer.status_code == 200


def test_a_replayed_delivery_changes_nothing(site, hook, media):
    payload = event([media()])
    assert hook.post(payload, message_id="msg_replayed").status_code == 200
    first = site.wait_for(payload["data"]["id"])
    assert hook.post(payload, message_id="msg_replayed").status_code == 200
    assert site.wait_for(payload["data"]["id"]) == first


def test_accounts_do_not_accept_each_others_signatures(stack):
    one, other = Site(stack).add_generic(), Site(stack).add_generic()
    other.secret = "whsec_" + "A" * 43 + "="
    one_payload = event([])
    assert one.post(one_payload).status_code == 200
    assert is_problem(other.post(one_payload), 401)
