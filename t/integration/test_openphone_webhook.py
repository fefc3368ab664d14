"""OpenPhone's webhooks of old and Quo's: messages, recordings, voicemails."""

import base64
import os
import time

import pytest

from doubles.openphone import legacy_event, new_id, quo_event
from doubles.standard_webhook import make_secret
from site_under_test import FIXTURES, photo
from stack.process import wait_until
from test_whatsapp_webhook import is_problem

RECORDING = (FIXTURES / "providers" / "media" / "voicemail.mp3").read_bytes()
KEY = base64.b64encode(os.urandom(32)).decode()


def recording():
    return RECORDING + os.urandom(16)


@pytest.fixture(scope="module")
def hook(site, openphone):
    return site.add_openphone("openphone", signing_key=KEY, api_key=openphone.api_key)


@pytest.fixture(scope="module")
def quo(site, openphone):
    return site.add_openphone("quo", secret=make_secret(), api_key=openphone.api_key)


def taken(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestLegacy:
    def test_media_of_a_message_is_fetched_without_a_credential(self, site, hook, openphone):
        content = photo()
        event = legacy_event("message.received", body="look", media=[
            {"url": openphone.add(content), "type": "image/jpeg"},
            {"url": openphone.add(photo(), None), "type": "image/jpeg"}])
        taken(hook.post(event))
        items = site.wait_for_all(event["data"]["object"]["id"], 2)
        assert [item["download_status"] for item in items] == ["completed"] * 2
        assert site.get(items[0]["file_url"]).content == content
        assert openphone.leaks == []

    @pytest.mark.parametrize("members", [{}, {"media": None}, {"media": []}, {"media": [None]},
                                         {"to": ["+1"]}, {"text": "x", "body": None}])
    def test_a_message_without_media_is_taken(self, hook, members):
        assert taken(hook.post(legacy_event("message.received", **members)))["media_created"] == 0

    def test_a_voicemail_and_a_recording_of_one_call_are_kept_apart(self, site, hook, openphone):
        call = new_id("AC")
        taken(hook.post(legacy_event("call.completed", id=call, voicemail={
            "url": openphone.add(recording(), "audio/mpeg"), "type": "audio/mpeg", "duration": 7})))
        taken(hook.post(legacy_event("call.recording.completed", id=call, media=[
            {"url": openphone.add(recording(), "audio/mpeg"), "type": "audio/mpeg",
             "duration": 12.5}])))
        items = site.wait_for_all(call, 2)
        assert {(item["file_type"], item["download_status"]) for item in items} == {
            ("audio", "completed")}
        rows = site.stack.postgres.psql(
            "SELECT event_kind, duration_seconds FROM media.media_files "
            f"WHERE id IN ('{items[0]['id']}', '{items[1]['id']}') ORDER BY event_kind")
        assert rows.split() == ["recording|12.5", "voicemail|7"]

    def test_our_own_messages_are_taken_on_demand(self, site, hook, openphone):
        eager = site.add_openphone("openphone", "outgoing", signing_key=KEY)
        event = legacy_event("message.delivered", direction="outgoing", media=[
            {"url": openphone.add(photo()), "type": "image/jpeg"}])
        assert taken(hook.post(event))["media_created"] == 0
        assert taken(eager.post(event))["media_created"] == 1
        site.wait_for(event["data"]["object"]["id"])

    def test_a_repeated_event_changes_nothing(self, site, hook, openphone):
        event = legacy_event("message.received", media=[{"url": openphone.add(photo())}])
        assert taken(hook.post(event))["is_new"]
        assert not taken(hook.post(event))["is_new"]

    @pytest.mark.parametrize("kind", ["call.ringing", "call.summary.completed", "contact.updated"])
    def test_other_events_are_acknowledged(self, hook, kind):
        assert taken(hook.post(legacy_event(kind)))["media_created"] == 0

    @pytest.mark.parametrize("offset", [-3600, 3600])
    def test_a_time_far_from_now_is_refused(self, hook, offset):
        answer = hook.post(legacy_event("message.received"), timestamp=time.time() + offset)
        assert is_problem(answer, 401)

    @pytest.mark.parametrize("value", ["", "hmac;1", "hmac;2;1;AAAA", "x" * 5000, ";;;", ","])
    def test_a_malformed_signature_is_refused(self, hook, value):
        answer = hook.post(legacy_event("message.received"), {"openphone-signature": value})
        assert is_problem(answer, 401)

    def test_one_good_signature_of_several_is_enough(self, hook):
        body = b'{"id":"E1","type":"message.received","data":{"object":{"id":"A1"}}}'
        good = hook.legacy_signature(body)
        taken(hook.post(body, {"openphone-signature": f"hmac;1;1;AAAA,{good}"}))

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b"\xff"])
    def test_a_malformed_body_is_400(self, hook, body):
        assert is_problem(hook.post(body), 400)


class TestQuo:
    def test_media_of_a_message_is_fetched(self, site, quo, openphone):
        event = quo_event("message.received", text="pics", media=[
            {"url": openphone.add(photo()), "type": "image/jpeg"}])
        taken(quo.post_standard(event))
        site.wait_for(event["data"]["resource"]["id"])

    def test_recordings_without_a_url_do_not_stop_the_others(self, site, quo, openphone):
        event = quo_event("call.recording.completed", recordings=[
            {"id": "CR1", "duration": 30, "type": "audio/mpeg",
             "url": openphone.add(recording(), "audio/mpeg")},
            {"id": None, "duration": None, "type": None, "url": None}])
        taken(quo.post_standard(event))
        site.wait_for(event["data"]["resource"]["id"])

    def test_a_voicemail_is_kept_with_its_call(self, site, quo, openphone):
        call = new_id("AC")
        taken(quo.post_standard(quo_event("call.voicemail.completed", callId=call,
                                          recordingUrl=None)))
        taken(quo.post_standard(quo_event("call.voicemail.completed", callId=call,
                                          recordingUrl=openphone.add(recording(), "audio/mpeg"))))
        site.wait_for(call)

    def test_the_same_webhook_id_is_a_replay(self, quo):
        assert taken(quo.post_standard(quo_event("message.received"), "msg_twice"))["is_new"]
        assert not taken(quo.post_standard(quo_event("message.received"), "msg_twice"))["is_new"]

    def test_a_rotated_secret_is_good_beside_the_old_one(self, site):
        old, new = make_secret(b"o" * 32), make_secret(b"n" * 32)
        hook = site.add_openphone("quo", secret=old)
        event = quo_event("message.received")
        assert is_problem(hook.post_standard(event, secret=new), 401)
        name = hook.url.rpartition("/")[2]
        change = ("account", "set", "--provider", "quo", "--external-id", name)
        site.stack.command(*change, "--secret", f"secret={new}", "--secret", f"secret={old}")

        def accepts(secret):
            return hook.post_standard(quo_event("message.received"), secret=secret).ok
        wait_until(lambda: accepts(new), 5, "the new secret to count")
        assert accepts(old)

    def test_the_signature_of_old_counts_where_a_key_is_known(self, site, openphone):
        hook = site.add_openphone("quo", secret=make_secret(), signing_key=KEY)
        taken(hook.post(legacy_event("message.received")))


class TestExpiry:
    @pytest.mark.parametrize("provider, path", [
        ("openphone", "/v1/call-recordings/{}"), ("quo", "/calls/{}/recordings")])
    def test_an_expired_recording_is_asked_for_again(self, site, hook, quo, openphone, provider,
                                                     path):
        call, content = new_id("AC"), recording()
        old, new = (openphone.add(content, "audio/mpeg") for _ in range(2))
        openphone.expire(old)
        openphone.calls[path.format(call)] = [{"id": "CR1", "url": new, "type": "audio/mpeg"}]
        if provider == "openphone":
            taken(hook.post(legacy_event("call.recording.completed", id=call,
                                         media=[{"url": old, "type": "audio/mpeg"}])))
        else:
            taken(quo.post_standard(quo_event("call.recording.completed", id=call, recordings=[
                {"id": "CR1", "url": old, "type": "audio/mpeg"}])))
        item = site.wait_for(call)
        assert site.get(item["file_url"]).content == content
        assert openphone.leaks == []

    def test_an_expired_voicemail_is_asked_for_again(self, site, hook, openphone):
        call = new_id("AC")
        old, new = (openphone.add(recording(), "audio/mpeg") for _ in range(2))
        openphone.expire(old)
        openphone.calls[f"/v1/call-voicemails/{call}"] = {"url": new, "duration": 7}
        taken(hook.post(legacy_event("call.completed", id=call, voicemail={"url": old})))
        site.wait_for(call)

    def test_an_expired_file_of_a_message_is_over(self, site, hook, openphone):
        url = openphone.add(photo())
        openphone.expire(url)
        event = legacy_event("message.received", media=[{"url": url, "type": "image/jpeg"}])
        taken(hook.post(event))
        item = site.wait_for(event["data"]["object"]["id"], "failed")
        assert item["last_error"].startswith("expired:")

    def test_a_host_that_is_not_listed_is_refused(self, site, hook):
        event = legacy_event("message.received", media=[{"url": "http://elsewhere.localhost/x"}])
        taken(hook.post(event))
        item = site.wait_for(event["data"]["object"]["id"], "failed")
        assert item["last_error"].startswith("blocked_address: elsewhere.localhost:80")
