"""Twilio's webhooks, and how its media is fetched."""

import pytest

from doubles.twilio import CDN_HOST, new_sid
from site_under_test import photo
from stack.process import wait_until
from test_whatsapp_webhook import is_problem

EMPTY = '<?xml version="1.0" encoding="UTF-8"?>\n<Response></Response>\n'


@pytest.fixture(scope="module")
def hook(site, twilio):
    return site.add_twilio(twilio)


@pytest.fixture
def offer(hook, twilio):
    """offer(content, ...) puts a photo on Twilio; its URL and type."""
    def put(content=None, mime_type="image/jpeg", **options):
        return twilio.add_media(hook.account_sid, content or photo(), mime_type, **options)
    return put


def send(hook, *media, **fields):
    """Delivers one message; its id."""
    message = hook.fields(media, **fields)
    answer = hook.post(message)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/xml")
    return message["MessageSid"]


def is_well_behaved(twilio, hook):
    return twilio.leaks == [] and hook.texts_sent == []


class TestMessages:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_media_is_fetched_through_the_redirect(self, site, hook, offer, twilio, status):
        content = photo()
        message = send(hook, offer(content, redirect_status=status))
        item = site.wait_for(message)
        assert site.get(item["file_url"]).content == content
        assert is_well_behaved(twilio, hook)

    def test_the_credential_stays_on_the_first_hop(self, site, hook, offer, twilio):
        media = offer()
        site.wait_for(send(hook, media))
        first, = twilio.requests_for(media[0])
        assert first[3]["Authorization"].startswith("Basic ")
        second = [entry for entry in twilio.requests if entry[1] == CDN_HOST][-1]
        assert "Authorization" not in second[3] and "Cookie" not in second[3]

    def test_bytes_without_a_redirect_are_fine(self, site, hook, offer):
        site.wait_for(send(hook, offer(faults=["direct"])))

    def test_ten_media_of_one_message_arrive_in_order(self, site, hook, offer):
        contents = [photo() for _ in range(10)]
        items = site.wait_for_all(send(hook, *map(offer, contents)), 10)
        for index, (item, content) in enumerate(zip(items, contents)):
            assert (item["item_index"], item["download_status"]) == (index, "completed")
            assert site.get(item["file_url"]).content == content

    def test_one_failing_item_does_not_lose_the_others(self, site, hook, offer):
        gone = offer(faults=[410] * 20)
        items = site.wait_for_all(send(hook, offer(), gone, offer()), 3)
        assert [item["download_status"] for item in items] == ["completed", "failed", "completed"]

    def test_whatsapp_through_twilio_is_a_conversation_of_its_own(self, site, hook, offer):
        text = site.wait_for(send(hook, offer()))
        chat = site.wait_for(send(hook, offer(), channel="whatsapp:"))
        assert text["conversation_id"] != chat["conversation_id"]

    def test_a_text_leaves_no_media(self, site, hook):
        assert site.items(send(hook, Body="100% + café & =/?#\n ok ")) == []

    def test_a_nul_in_a_text_is_survived(self, site, hook, offer):
        site.wait_for(send(hook, offer(), Body="a\0b\ud83d".encode("utf-8", "replace").decode()))

    @pytest.mark.parametrize("fields", [
        {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+1"}, {"nothing": "known"}, {}])
    def test_what_is_no_message_is_acknowledged(self, site, hook, fields):
        before = site.count("messages")
        answer = hook.post(fields)
        assert (answer.status_code, answer.text) == (200, EMPTY)
        assert site.count("messages") == before

    def test_a_number_may_be_configured_for_get(self, site, hook, offer):
        message = hook.fields([offer(), offer()], Body="100% + café")
        assert is_problem(hook.get(message, {"X-Twilio-Signature": "A" * 27 + "="}), 401)
        assert hook.get(message).text == EMPTY
        site.wait_for_all(message["MessageSid"], 2)
        assert is_problem(hook.get({}, {"X-Twilio-Signature": ""}), 401)

    def test_json_is_taken_and_ignored(self, hook):
        assert hook.post_json(b'{"event":"message.received"}').status_code == 200

    def test_a_repeated_call_changes_nothing(self, site, hook, offer):
        message = hook.fields([offer()])
        assert hook.post(message).status_code == 200
        first = site.wait_for(message["MessageSid"])
        answer = hook.post(message | {"ErrorCode": "11200", "ErrorUrl": "https://h/"})
        assert (answer.status_code, answer.text) == (200, EMPTY)
        assert site.wait_for(message["MessageSid"]) == first

    def test_a_message_for_another_account_is_left_out(self, site, hook, offer, twilio):
        other = site.add_twilio(twilio)
        message = hook.fields([offer()], AccountSid=other.account_sid)
        assert hook.post(message).status_code == 200
        assert site.items(message["MessageSid"]) == []


class TestAnswers:
    def test_the_sender_hears_nothing_unless_asked_for(self, hook, offer, twilio):
        answer = hook.post(hook.fields([offer()]))
        assert answer.text == EMPTY
        assert is_well_behaved(twilio, hook)

    def test_the_sender_of_a_photo_is_thanked_on_demand(self, site, twilio):
        hook = site.add_twilio(twilio, "acknowledge")
        media = [twilio.add_media(hook.account_sid, photo()) for _ in range(2)]
        message = hook.fields(media)
        for _ in range(2):
            answer = hook.post(message)
            assert answer.headers["Content-Type"].startswith("text/xml")
            assert ("<Response><Message>Thank you, we received your 2 photos.</Message></Response>"
                    in answer.text)
        assert hook.post(hook.fields()).text == EMPTY
        site.wait_for_all(message["MessageSid"], 2)


class TestSignature:
    def test_a_wrong_signature_is_refused_and_leaves_nothing(self, site, hook, offer):
        message = hook.fields([offer()])
        answer = hook.post(message, headers={"X-Twilio-Signature": "A" * 27 + "="})
        assert is_problem(answer, 401)
        assert site.items(message["MessageSid"]) == []

    @pytest.mark.parametrize("value", ["", "A", "not base64!", "AAAA", "x" * 5000])
    def test_a_malformed_signature_is_refused(self, hook, value):
        assert is_problem(hook.post(hook.fields(), headers={"X-Twilio-Signature": value}), 401)

    def test_a_changed_field_is_noticed(self, hook):
        fields = hook.fields()
        good = {"X-Twilio-Signature": hook.post(fields).request.headers["X-Twilio-Signature"]}
        assert hook.post(fields, headers=good).status_code == 200
        assert is_problem(hook.post(fields | {"Body": "x"}, headers=good), 401)

    @pytest.mark.parametrize("query", ["", "?channel=a%2Bb&x=1", "?a=%2F//"])
    def test_the_query_is_signed_as_it_is_written(self, hook, query):
        assert hook.post(hook.fields(), query).status_code == 200

    def test_the_port_may_be_left_out(self, site, hook):
        without_port = hook.public_url.replace(f":{site.stack.port}", "")
        assert hook.post(hook.fields(), signed_url=without_port).status_code == 200

    def test_another_host_is_refused(self, hook):
        other = hook.public_url.replace("localhost", "attacker.test")
        answer = hook.post(hook.fields(), signed_url=other, headers={
            "X-Forwarded-Host": "attacker.test", "X-Forwarded-Proto": "http"})
        assert is_problem(answer, 401)

    def test_json_needs_its_digest_in_the_url(self, hook):
        answer = hook.post({}, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200  # an empty body has nothing to vouch for
        answer = hook.post({"a": "b"}, headers={"Content-Type": "application/json"})
        assert is_problem(answer, 401)


class TestFaults:
    def test_media_that_appears_later_is_waited_for(self, site, hook, offer):
        site.wait_for(send(hook, offer(faults=[404, 404, 404])))

    def test_a_refused_link_of_the_cdn_is_asked_for_again(self, site, hook, offer):
        site.wait_for(send(hook, offer(cdn_faults=[403])))

    def test_media_that_twilio_has_not_is_gone(self, site, hook, offer):
        item = site.wait_for(send(hook, offer(faults=[410])), "failed")
        assert item["last_error"].startswith("gone:")

    @pytest.mark.parametrize("fault", [500, 503, 429, "nowhere"])
    def test_a_passing_failure_is_retried(self, site, hook, offer, fault):
        site.wait_for(send(hook, offer(faults=[fault])))

    @pytest.mark.parametrize("fault, reason", [
        ("foreign", "blocked_address"), ("loopback", "blocked_address"), ("loop", "network")])
    def test_a_redirect_elsewhere_is_refused(self, site, hook, offer, twilio, fault, reason):
        item = site.wait_for(send(hook, offer(faults=[fault] * 40)), "failed")
        assert item["last_error"].startswith(reason + ":")
        assert is_well_behaved(twilio, hook)

    def test_media_on_a_foreign_host_never_sees_the_credential(self, site, hook, offer, twilio):
        foreign = f"https://elsewhere.localhost:{twilio.port}/steal"
        items = site.wait_for_all(send(hook, (foreign, "image/jpeg"), offer()), 2)
        assert [item["download_status"] for item in items] == ["failed", "completed"]
        assert items[0]["last_error"].startswith("blocked_address:")
        assert is_well_behaved(twilio, hook)
        assert not [entry for entry in twilio.requests if entry[2] == "/steal"]

    def test_media_of_another_account_is_not_asked_for(self, site, hook, offer, twilio):
        url, mime_type = offer()
        other = url.replace(hook.account_sid, new_sid("AC"))
        item = site.wait_for(send(hook, (other, mime_type)), "failed")
        assert item["last_error"].startswith("blocked_address:")
        assert twilio.requests_for(other) == []

    def test_a_refused_token_keeps_the_media_until_it_is_replaced(self, site, twilio):
        hook = site.add_twilio(twilio)
        media = twilio.add_media(hook.account_sid, photo())
        twilio.tokens[hook.account_sid] = "the-new-one"
        message = send(hook, media)
        site.wait_for_error(message, "unauthorized")
        site.stack.command("account", "set", "--provider", "twilio", "--external-id",
                           hook.account_sid, "--secret", "auth_token=the-new-one")
        site.wait_for(message)


class TestDeletion:
    def test_stored_media_is_deleted_at_twilio_on_demand(self, site, twilio):
        hook = site.add_twilio(twilio, "delete_after_storage")
        content = photo()
        url, mime_type = twilio.add_media(hook.account_sid, content)
        item = site.wait_for(send(hook, (url, mime_type)))
        wait_until(lambda: twilio.deleted and url.endswith(twilio.deleted[-1]), 10, "the deletion")
        assert site.get(item["file_url"]).content == content

    def test_nothing_is_deleted_otherwise(self, site, hook, offer, twilio):
        url, _ = kept = offer()
        site.wait_for(send(hook, kept))
        self.test_stored_media_is_deleted_at_twilio_on_demand(site, twilio)
        assert not [path for path in twilio.deleted if url.endswith(path)]

    def test_media_that_was_refused_is_not_deleted(self, site, twilio):
        hook = site.add_twilio(twilio, "delete_after_storage")
        media = twilio.add_media(hook.account_sid, b"<!DOCTYPE html><html>log in</html>")
        before = list(twilio.deleted)
        site.wait_for(send(hook, media), "failed")
        assert twilio.deleted == before
