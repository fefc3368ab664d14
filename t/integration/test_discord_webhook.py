"""Discord's interactions and events, a bridge from the gateway, and URLs that expire."""

import time

import pytest
import requests

from doubles.discord import CDN_HOST, DiscordWebhook, dispatch, event, interaction, message
from doubles.standard_webhook import make_secret
from site_under_test import FIXTURES, photo
from stack.process import wait_until
from test_whatsapp_webhook import is_problem

VOICE = (FIXTURES / "providers" / "media" / "voice.ogg").read_bytes()


@pytest.fixture(scope="module")
def hook(site, discord):
    """An account that can refresh its URLs."""
    return site.add_discord(bot_token=discord.bot_token)


@pytest.fixture(scope="module")
def plain_hook(site):
    """An account without a bot's token."""
    return site.add_discord()


class TestHandshakes:
    def test_a_ping_of_interactions_is_answered_with_a_pong(self, site, hook):
        before = site.count("deliveries")
        answer = hook.post(interaction(1))
        assert (answer.status_code, answer.json()) == (200, {"type": 1})
        assert answer.headers["Content-Type"].startswith("application/json")
        assert site.count("deliveries") == before

    def test_a_ping_of_events_is_answered_204_with_a_content_type(self, hook):
        answer = hook.post({"version": 1, "application_id": "1", "type": 0})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Content-Type"] == "application/json"

    def test_wrong_signatures_are_always_401(self, hook):
        ping = interaction(1)
        for headers in hook.wrong_signatures(ping):
            assert is_problem(hook.post(ping, headers), 401)

    def test_a_get_is_405(self, hook):
        assert requests.get(hook.url, timeout=5).status_code == 405

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 5000])
    def test_what_is_nothing_of_discords_is_400(self, hook, body):
        assert is_problem(hook.post(body), 400)


class TestMessages:
    @pytest.mark.parametrize("envelope", [
        dispatch, lambda d: {"message": d, "channel": {"id": d["channel_id"]}}, event],
        ids=["gateway frame", "gatehook", "webhook event"])
    def test_attachments_are_fetched_without_a_credential(self, site, hook, discord, envelope):
        contents = [photo(), photo()]
        sent = message([discord.add(content) for content in contents])
        answer = hook.post(envelope(sent))
        assert answer.status_code == (204 if envelope is event else 200)
        items = site.wait_for_all(sent["id"], 2)
        for item, content in zip(items, contents):
            assert site.get(item["file_url"]).content == content
        assert discord.leaks == []

    def test_the_file_of_a_command_is_kept_and_its_user_thanked(self, site, hook, discord):
        attachment = discord.add(photo())
        call = interaction(2, channel_id="5", member={"user": {"id": "7"}}, data={
            "id": "1", "name": "upload", "type": 1, "resolved": {
                "attachments": {attachment["id"]: attachment}}})
        answer = hook.post(call)
        assert answer.json() == {"type": 4, "data": {
            "content": "Thank you, we received your photo.", "flags": 64}}
        site.wait_for(call["id"])

    def test_a_forwarded_file_is_kept(self, site, hook, discord):
        sent = message([], flags=16384, message_snapshots=[
            {"message": {"attachments": [discord.add(photo())]}}])
        assert hook.post(dispatch(sent)).status_code == 200
        site.wait_for(sent["id"])

    def test_a_voice_message_keeps_its_waveform_and_duration(self, site, hook, discord):
        sent = message([discord.add(VOICE, "audio/ogg", "voice-message.ogg", duration_secs=1.5,
                                    waveform="ABQoPFBkeIygtA==")], flags=8192)
        assert hook.post(dispatch(sent)).status_code == 200
        item = site.wait_for(sent["id"])
        assert item["file_type"] == "audio"
        assert (item["duration_seconds"], item["waveform"]) == (1.5, "ABQoPFBkeIygtA==")

    def test_an_edit_adds_what_is_new_and_nothing_twice(self, site, hook, discord):
        first, second = discord.add(photo()), discord.add(photo())
        sent = message([first])
        hook.post(dispatch(sent))
        site.wait_for(sent["id"])
        edited = sent | {"edited_timestamp": "2026-11-21T08:40:00.000000+00:00",
                         "attachments": [second, first]}
        for _ in range(2):
            assert hook.post(dispatch(edited | {"nonce": str(time.time_ns())},
                                      "MESSAGE_UPDATE")).status_code == 200
        assert {item["provider_media_id"].split("/")[2]
                for item in site.wait_for_all(sent["id"], 2)} == {first["id"], second["id"]}

    def test_bots_are_ignored_unless_asked_for(self, site, hook, discord):
        talkative = site.add_discord("outgoing", bot_token=discord.bot_token)
        sent = message([discord.add(photo())], author={"id": "1", "bot": True})
        assert hook.post(dispatch(sent)).status_code == 200
        assert site.items(sent["id"]) == []
        assert talkative.post(dispatch(sent)).status_code == 200
        site.wait_for(sent["id"])

    def test_a_repeated_event_changes_nothing(self, site, hook, discord):
        payload = event(message([discord.add(photo())]))
        assert hook.post(payload).status_code == 204
        first = site.wait_for(payload["event"]["data"]["id"])
        assert hook.post(payload).status_code == 204
        assert site.wait_for(payload["event"]["data"]["id"]) == first

    def test_the_samples_of_the_documentation_are_acknowledged(self, hook):
        for path in sorted((FIXTURES / "providers" / "discord").glob("*.json")):
            if not path.name.startswith("refresh"):
                assert hook.post(path.read_bytes()).status_code in (200, 204), path.name


class TestBridge:
    def test_a_bridge_may_sign_like_standard_webhooks(self, site, discord):
        secret = make_secret()
        hook = site.add_discord(bot_token=discord.bot_token, bridge_secret=secret)
        sent = message([discord.add(photo())])
        assert is_problem(hook.post_as_bridge(dispatch(sent), make_secret(b"x" * 32)), 401)
        assert hook.post_as_bridge(dispatch(sent), secret).status_code == 200
        site.wait_for(sent["id"])

    def test_a_bridge_may_have_a_key_of_its_own(self, site, discord):
        hook = site.add_discord(bot_token=discord.bot_token)
        bridge = DiscordWebhook(hook.url)
        sent = message([discord.add(photo())])
        assert is_problem(bridge.post(dispatch(sent)), 401)
        name = hook.url.rpartition("/")[2]
        site.stack.command("account", "set", "--provider", "discord", "--external-id", name,
                           "--secret", f"public_key={hook.public_key}",
                           "--secret", f"public_key={bridge.public_key}")
        # A key is not read again more often than once a second.
        wait_until(lambda: bridge.post(dispatch(sent)).ok, 5, "the bridge's key to count")
        assert hook.post(interaction(1)).status_code == 200
        site.wait_for(sent["id"])


class TestExpiry:
    def test_an_expired_url_is_refreshed_before_it_is_tried(self, site, hook, discord):
        attachment = discord.add(photo(), lifetime=-10)
        sent = message([attachment])
        hook.post(dispatch(sent))
        site.wait_for(sent["id"])
        tries = [path for _, host, path in discord.requests
                 if host == CDN_HOST and attachment["id"] in path]
        assert len(tries) == 1

    @pytest.mark.parametrize("status", [403, 404])
    def test_a_url_that_the_cdn_refuses_is_refreshed(self, site, hook, discord, status):
        attachment = discord.add(photo())
        discord.attachments[attachment["id"]].faults = [status]
        sent = message([attachment])
        hook.post(dispatch(sent))
        site.wait_for(sent["id"])

    def test_without_the_refresh_the_message_is_asked_for(self, site, hook, discord):
        sent = message([discord.add(photo(), lifetime=-10)])
        discord.messages[sent["channel_id"], sent["id"]] = sent
        discord.refresh_status = 404
        try:
            hook.post(dispatch(sent))
            site.wait_for(sent["id"])
        finally:
            discord.refresh_status = 200

    def test_a_rate_limit_is_waited_out(self, site, hook, discord):
        discord.refresh_status = 429
        sent = message([discord.add(photo(), lifetime=-10)])
        hook.post(dispatch(sent))
        site.wait_for(sent["id"])

    def test_a_deleted_attachment_is_gone(self, site, hook, discord):
        attachment = discord.add(photo())
        discord.attachments[attachment["id"]].is_deleted = True
        sent = message([attachment])
        hook.post(dispatch(sent))
        assert site.wait_for(sent["id"], "failed")["last_error"].startswith("gone:")

    def test_without_a_token_the_url_is_the_deadline(self, site, plain_hook, discord):
        sent = message([discord.add(photo())])
        plain_hook.post(dispatch(sent))
        site.wait_for(sent["id"])
        late = message([discord.add(photo(), lifetime=-10)])
        plain_hook.post(dispatch(late))
        assert site.wait_for(late["id"], "failed")["last_error"].startswith("expired:")

    def test_a_refused_token_keeps_the_media_waiting(self, site, discord):
        hook = site.add_discord(bot_token="an-old-token")
        sent = message([discord.add(photo(), lifetime=-10)])
        hook.post(dispatch(sent))
        site.wait_for_error(sent["id"], "unauthorized")
        site.stack.command("account", "set", "--provider", "discord", "--external-id",
                           hook.url.rpartition("/")[2],
                           "--secret", f"bot_token={discord.bot_token}")
        site.wait_for(sent["id"])

    def test_another_host_is_refused(self, site, hook, discord):
        attachment = discord.add(photo())
        attachment["url"] = attachment["url"].replace(CDN_HOST, "elsewhere.localhost")
        plain = site.add_discord()
        sent = message([attachment])
        plain.post(dispatch(sent))
        assert site.wait_for(sent["id"], "failed")["last_error"].startswith("blocked_address:")
        assert discord.leaks == []
