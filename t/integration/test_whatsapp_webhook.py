"""What the WhatsApp webhook takes, ignores and refuses."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from doubles.whatsapp_webhook import (WhatsAppWebhook, envelope, media_message, signature,
                                      text_message, to_wire)
from site_under_test import APP_SECRET, VERIFY_TOKEN, Site, photo


def is_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["status"] == status
    return True


class TestHandshake:
    def test_the_challenge_is_echoed_to_who_knows_the_verify_token(self, site):
        answer = site.webhook.handshake(VERIFY_TOKEN)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        assert answer.headers["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize("token, mode", [("wrong", "subscribe"), ("", "subscribe"),
                                             (VERIFY_TOKEN, "unsubscribe")])
    def test_others_get_nothing(self, site, token, mode):
        answer = site.webhook.handshake(token, mode=mode)
        assert answer.status_code in (400, 401, 403)
        assert "1158201444" not in answer.text

    def test_markup_in_the_challenge_is_harmless(self, site):
        answer = site.webhook.handshake(VERIFY_TOKEN, challenge="<script>alert(1)</script>")
        assert not answer.headers["Content-Type"].startswith("text/html")


class TestSignature:
    def test_a_wrong_signature_is_refused_and_leaves_nothing(self, site):
        message = site.offer()
        answer = site.webhook.post(envelope(site.phone_number_id, [message]),
                                   {"X-Hub-Signature-256": "sha256=" + "0" * 64})
        assert is_problem(answer, 401)
        assert site.items(message["id"]) == []

    @pytest.mark.parametrize("value", [
        "", "sha256=", "sha1=abc", "sha256=zz", "sha256=" + "A" * 63, "x" * 5000])
    def test_a_malformed_signature_is_refused(self, site, value):
        body = envelope(site.phone_number_id, [text_message()])
        assert is_problem(site.webhook.post(body, {"X-Hub-Signature-256": value}), 401)

    def test_a_missing_signature_is_refused(self, site):
        body = to_wire(envelope(site.phone_number_id, [text_message()]))
        answer = site.webhook.session.post(site.webhook.url, data=body, timeout=10)
        assert is_problem(answer, 401)

    def test_two_signatures_are_refused(self, site):
        body = to_wire(envelope(site.phone_number_id, [text_message()]))
        good = signature(APP_SECRET, body)
        head = (f"POST {site.webhook.url.partition(str(site.stack.port))[2]} HTTP/1.1\r\n"
                f"Host: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
                f"X-Hub-Signature-256: {good}\r\nX-Hub-Signature-256: {good}\r\n\r\n")
        with socket.create_connection(("127.0.0.1", site.stack.port), timeout=10) as client:
            client.sendall(head.encode() + body)
            assert client.recv(100).startswith(b"HTTP/1.1 401")

    def test_the_signature_counts_over_the_raw_bytes(self, site):
        """Meta signs escaped text; parsing and writing it anew gives other bytes."""
        payload = envelope(site.phone_number_id, [text_message("Grüße 😀")])
        wire = to_wire(payload)
        again = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        assert site.webhook.post(wire).status_code == 200
        answer = site.webhook.post(again, {"X-Hub-Signature-256": signature(APP_SECRET, wire)})
        assert is_problem(answer, 401)

    def test_every_one_of_several_app_secrets_is_accepted(self, stack, graph):
        site = Site(stack, graph)
        url = stack.command(
            "account", "add", "--company", site.company, "--provider", "whatsapp",
            "--external-id", site.phone_number_id + "0", "--secret", "app_secret=old-secret",
            "--secret", "app_secret=new-secret", "--secret", "access_token=t",
            "--secret", "verify_token=v").replace(site.public_url(), stack.url)
        body = to_wire(envelope(site.phone_number_id + "0", [text_message()]))
        for secret in ("old-secret", "new-secret"):
            answer = site.webhook.session.post(
                url, data=body, timeout=10,
                headers={"X-Hub-Signature-256": signature(secret, body)})
            assert answer.status_code == 200


class TestBody:
    @pytest.mark.parametrize("body", [
        b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe{}", b"[" * 10000,
        b'{"object":"whatsapp_business_account","object":"x","entry":[]}'])
    def test_what_is_not_a_delivery_is_400(self, site, body):
        assert is_problem(site.webhook.post(body), 400)

    def test_a_body_over_the_limit_is_413(self, own_stack, graph):
        site = Site(own_stack({"server.max_body_bytes": 100_000}), graph)
        answer = site.webhook.post(b" " * 100_001)
        assert is_problem(answer, 413)

    def test_a_body_over_nginx_limit_is_413(self, site):
        assert site.webhook.post(b" " * (5 << 20)).status_code == 413

    @pytest.mark.parametrize("path", ["/webhooks/whatsapp/1", "/webhooks/unheard-of/1",
                                      "/webhooks/whatsapp/", "/webhooks/whatsapp/1/2"])
    def test_an_unknown_account_is_404(self, site, path):
        answer = site.webhook.session.post(site.stack.url + path, data=b"{}", timeout=10)
        assert is_problem(answer, 404)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
    def test_other_methods_are_refused(self, site, method):
        answer = site.webhook.session.request(method, site.webhook.url, data=b"{}", timeout=10)
        assert answer.status_code == 405


class TestContents:
    def test_every_entry_change_and_message_is_looked_at(self, site):
        messages = [site.offer() for _ in range(4)]
        delivery = envelope(site.phone_number_id, messages[:1])
        delivery["entry"][0]["changes"] += envelope(
            site.phone_number_id, messages[1:3])["entry"][0]["changes"]
        delivery["entry"] += envelope(site.phone_number_id, messages[3:])["entry"]
        assert site.webhook.post(delivery).status_code == 200
        for message in messages:
            site.wait_for(message["id"])

    @pytest.mark.parametrize("value", [
        {"statuses": [{"id": "wamid.x", "status": "delivered", "timestamp": "1",
                       "recipient_id": "1"}], "messages": []},
        {"messages": [{"id": "wamid.loc", "timestamp": "1", "type": "location",
                       "location": {"latitude": 1, "longitude": 2}}]},
        {"messages": [{"id": "wamid.un", "timestamp": "1", "type": "unsupported",
                       "errors": [{"code": 131051, "title": "Message type unknown"}]}]},
        {"messages": [{"id": "wamid.new", "timestamp": "1", "type": "hologram",
                       "hologram": {"id": "1"}}]},
        {"messages": [], "errors": [{"code": 131000}]},
        {"messages": None},
        {"messages": {}},
    ])
    def test_what_carries_no_media_is_acknowledged(self, site, value):
        before = site.count("media_files")
        assert site.webhook.post(envelope(site.phone_number_id, [], value)).status_code == 200
        assert site.count("media_files") == before

    def test_other_fields_are_acknowledged(self, site):
        delivery = envelope(site.phone_number_id, [])
        delivery["entry"][0]["changes"][0] = {
            "field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}}
        assert site.webhook.post(delivery).status_code == 200

    def test_a_broken_message_does_not_stop_its_neighbours(self, site):
        good = site.offer()
        broken = [media_message("image", "1", "image/jpeg") | {"image": None},
                  media_message("image", "1", "image/jpeg") | {"image": []},
                  media_message("image", "1", "image/jpeg") | {"id": 5}, "text", None]
        site.send(*broken[:2], good, *broken[2:])
        site.wait_for(good["id"])

    def test_a_sender_without_a_number_is_fine(self, site):
        message = site.offer()
        del message["from"]
        message["from_user_id"] = "US.13931234567890"
        site.send(message)
        site.wait_for(message["id"])

    def test_a_message_named_twice_in_one_delivery_counts_once(self, site):
        message = site.offer()
        site.send(message, message)
        site.wait_for(message["id"])

    def test_an_edited_message_brings_new_media(self, site):
        message = site.offer()
        original = site.offer()
        edit = {"from": message["from"], "id": message["id"] + "E", "type": "edit",
                "timestamp": message["timestamp"],
                "edit": {"original_message_id": original["id"],
                         "message": {"type": "image", "image": message["image"]}}}
        site.send(original)
        site.wait_for(original["id"])
        before = site.count("media_files")
        site.send(edit)
        assert site.count("media_files") == before + 1


    def test_a_file_that_meta_could_not_take_is_told_about(self, site):
        message = text_message() | {"type": "unsupported", "errors": [
            {"code": 131052, "title": "Media file size too big. Max file size we currently support: "
                                      "100MB"}]}
        del message["text"]
        site.send(message)
        item = site.wait_for(message["id"], "failed")
        assert item["last_error"].startswith("too_large:")

    def test_what_the_business_sent_is_taken_on_demand(self, site, graph):
        number = str(time.time_ns())
        url = site.add_account("whatsapp", number, ("outgoing",), app_secret=APP_SECRET,
                               access_token=graph.access_token, verify_token=VERIFY_TOKEN)
        message = site.offer() | {"to": "447700900123"}
        delivery = envelope(number, [], {"message_echoes": [message]})
        delivery["entry"][0]["changes"][0]["field"] = "smb_message_echoes"
        assert site.webhook.post(delivery).status_code == 200
        assert site.items(message["id"]) == []
        assert WhatsAppWebhook(url, APP_SECRET).post(delivery).status_code == 200
        site.wait_for(message["id"])


class TestReplays:
    def test_the_same_delivery_again_is_acknowledged_and_changes_nothing(self, site):
        message = site.offer()
        delivery = envelope(site.phone_number_id, [message])
        site.webhook.deliver(delivery)
        first = site.wait_for(message["id"])
        rows = site.count("deliveries"), site.count("media_files"), site.count("messages")
        for _ in range(3):
            assert site.webhook.post(delivery).status_code == 200
        assert site.wait_for(message["id"]) == first
        assert rows == (site.count("deliveries"), site.count("media_files"),
                        site.count("messages"))

    def test_the_same_message_in_another_delivery_changes_nothing(self, site, graph):
        message = site.offer()
        site.send(message)
        first = site.wait_for(message["id"])
        site.send(message, text_message("and one more"))
        assert site.wait_for(message["id"]) == first
        assert len(graph.requests_for(message["image"]["id"], "lookaside.localhost")) == 1

    def test_the_same_delivery_many_times_at_once_is_one(self, site):
        message = site.offer(photo())
        delivery = to_wire(envelope(site.phone_number_id, [message]))
        rows = site.count("deliveries")
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: site.webhook.post(delivery).status_code, range(36)))
        assert answers == [200] * 36
        site.wait_for(message["id"])
        assert site.count("deliveries") == rows + 1
