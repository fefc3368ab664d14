"""The durable door: what comes while the database is away is on disk, and taken when it is back."""

import hashlib
import json
import os
import signal
import stat
import subprocess

import pytest

from doubles.standard_webhook import event
from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, text_message
from faults_under_test import with_restart_noise
from site_under_test import APP_SECRET, Site, photo
from stack.process import wait_until
from watch import LogMark

REQUEST = "*.request"


class Door:
    """A site of a stack, and the spool before its database."""

    def __init__(self, stack, graph):
        self.stack = stack
        self.site = Site(stack, graph)
        self.spool = stack.dir / "spool"
        self.log = LogMark(stack.indexer.log)
        self.log.offset = 0

    def close_database(self):
        """Once the indexer knows all accounts, without having been asked for them."""
        accounts = self.stack.postgres.psql("SELECT provider || '/' || external_id FROM media.accounts")
        for account in accounts.splitlines():
            self.log.wait_for(f'"event":"account_read","account":"{account}"')
        self.stack.postgres.stop()

    def open_database(self):
        self.stack.postgres.start()

    def kill(self):
        os.kill(self.stack.indexer.pid(), signal.SIGKILL)
        self.stack.indexer.stop(signal.SIGKILL)

    def waiting(self):
        return sorted(self.spool.glob(REQUEST))

    def set_aside(self):
        return sorted((self.spool / "aside").glob(REQUEST))

    def is_empty(self):
        return not self.waiting()

    def wait_until_empty(self):
        wait_until(self.stack.indexer.is_ready, 15, "the indexer to find the database again")
        wait_until(self.is_empty, 20, "the spool to be empty")

    def text(self, text):
        return envelope(self.site.phone_number_id, [text_message(text)])

    def texts(self):
        """Of all messages, in the order of their deliveries."""
        rows = self.stack.postgres.psql(
            "SELECT convert_from(body, 'UTF8') FROM media.deliveries WHERE account_id = "
            f"(SELECT id FROM media.accounts WHERE external_id = '{self.site.phone_number_id}') "
            "ORDER BY received_at")
        messages = [json.loads(row)["entry"][0]["changes"][0]["value"]["messages"][0]
                    for row in rows.splitlines()]
        return [message["text"]["body"] for message in messages if message["type"] == "text"]


@pytest.fixture
def door(own_stack, graph):
    return Door(own_stack(), graph)


@with_restart_noise
def test_what_comes_without_a_database_survives_a_kill_and_is_taken_in_order(door, twilio):
    site = door.site
    hook = site.add_twilio(twilio, "acknowledge")
    content = photo()
    thanked = hook.post(hook.fields([twilio.add_media(hook.account_sid, photo(), "image/jpeg")]))
    message = site.offer(content)
    door.close_database()

    texts = [f"text {number}" for number in range(20)]
    for text in texts:
        assert site.webhook.post(door.text(text)).status_code == 200
    fields = hook.fields([twilio.add_media(hook.account_sid, content, "image/jpeg")])
    answer = hook.post(fields)
    assert (answer.status_code, answer.text) == (200, thanked.text)
    assert "<Response>" in answer.text
    assert site.webhook.post(envelope(site.phone_number_id, [message])).status_code == 200
    assert len(door.waiting()) == 22
    assert json.loads(door.stack.indexer.get("/readyz")[1]) == {
        "status": "database unavailable", "spooled": 22}

    door.kill()
    door.stack.indexer.start(door.stack.indexer.is_alive)
    assert len(door.waiting()) == 22
    door.open_database()
    door.wait_until_empty()
    item = site.wait_for(message["id"])
    assert site.get(item["file_url"]).content == content
    site.wait_for(fields["MessageSid"])
    assert site.count("deliveries") == site.count("messages") == 23
    assert door.texts() == texts
    assert door.set_aside() == []


@with_restart_noise
def test_the_files_are_private_and_hold_no_credentials_of_others(door):
    door.close_database()
    secrets = {"Authorization": "Bearer of-somebody", "Cookie": "session=of-somebody"}
    assert door.site.webhook.post(door.text("hello"), headers=secrets).status_code == 200
    [file] = door.waiting()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.spool.stat().st_mode) == 0o700
    assert stat.S_IMODE((door.spool / "aside").stat().st_mode) == 0o700
    assert b"of-somebody" not in file.read_bytes()
    door.open_database()
    door.wait_until_empty()
    assert door.texts() == ["hello"]


@with_restart_noise
def test_a_bad_signature_is_refused_also_without_a_database(door):
    hook = door.site.add_generic()
    door.close_database()
    stranger = WhatsAppWebhook(door.site.webhook.url, "0" * 32)
    assert stranger.post(door.text("forged")).status_code == 401
    assert hook.post(event([]), headers={"webhook-signature": "v1,AAAA"}).status_code == 401
    assert door.waiting() == []
    # And who is not known cannot be verified.
    unknown = WhatsAppWebhook(door.site.webhook.url + "9", APP_SECRET)
    assert unknown.post(door.text("whose?")).status_code == 503
    assert door.waiting() == []
    door.open_database()


@with_restart_noise
def test_a_signature_that_has_aged_in_the_spool_still_counts(door):
    """Standard Webhooks are good for five minutes from when they came."""
    hook = door.site.add_generic()
    door.close_database()
    payload = event([])
    assert hook.post(payload).status_code == 200
    door.kill()
    [file] = door.waiting()
    age(file, seconds=3600)
    door.stack.indexer.start(door.stack.indexer.is_alive)
    door.open_database()
    door.wait_until_empty()
    assert door.set_aside() == []
    assert door.site.count("messages", f"external_id = '{payload['data']['id']}'") == 1


@with_restart_noise
def test_the_same_delivery_spooled_twice_is_one(door):
    payload = door.text("twice")
    door.close_database()
    assert door.site.webhook.post(payload).status_code == 200
    assert door.site.webhook.post(payload).status_code == 200
    assert len(door.waiting()) == 2
    door.open_database()
    door.wait_until_empty()
    assert door.site.count("deliveries") == door.site.count("messages") == 1


@with_restart_noise
@pytest.mark.log_noise("indexer", "spool_full")
def test_a_full_spool_is_503(own_stack, graph):
    door = Door(own_stack({"spool.max_files": 3}), graph)
    door.close_database()
    answers = [door.site.webhook.post(door.text(f"text {number}")) for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 503, 503]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert len(door.waiting()) == 3
    door.open_database()
    door.wait_until_empty()
    assert door.site.webhook.post(door.text("text 5")).status_code == 200
    assert door.texts() == ["text 0", "text 1", "text 2", "text 5"]


@with_restart_noise
def test_half_a_file_is_set_aside_and_the_others_are_taken(door):
    door.close_database()
    for text in ("cut", "changed", "whole"):
        assert door.site.webhook.post(door.text(text)).status_code == 200
    door.kill()
    cut, changed, _ = door.waiting()
    cut.write_bytes(cut.read_bytes()[:-9])
    changed.write_bytes(changed.read_bytes().replace(b"changed", b"CHANGED"))
    draft = cut.with_name(cut.name + ".draft")
    draft.write_bytes(b"never acknowledged")
    door.stack.indexer.start(door.stack.indexer.is_alive)
    door.open_database()
    door.wait_until_empty()
    assert door.texts() == ["whole"]
    assert [file.name for file in door.set_aside()] == [cut.name, changed.name]
    reasons = [file.with_name(file.name + ".reason").read_text() for file in door.set_aside()]
    assert [reason.split(":")[0] for reason in reasons] == ["truncated", "hash_mismatch"]
    assert not draft.exists()
    assert door.stack.indexer.log.read_text().count('"event":"delivery_set_aside"') == 2


@with_restart_noise
def test_deliveries_of_an_account_that_is_gone_are_set_aside(door):
    other = Site(door.stack, door.site.graph)
    door.close_database()
    assert other.webhook.post(envelope(other.phone_number_id, [text_message()])).status_code == 200
    assert door.site.webhook.post(door.text("stays")).status_code == 200
    door.kill()
    door.open_database()
    door.stack.postgres.psql("UPDATE media.accounts SET is_active = false "
                             f"WHERE external_id = '{other.phone_number_id}'")
    door.stack.indexer.start()
    door.wait_until_empty()
    [file] = door.set_aside()
    assert file.with_name(file.name + ".reason").read_text().startswith("not_found: no account")
    assert door.texts() == ["stays"]


@with_restart_noise
def test_what_comes_during_the_replay_stays_behind_what_waits(door):
    door.close_database()
    texts = [f"text {number}" for number in range(300)]
    for text in texts[:200]:
        assert door.site.webhook.post(door.text(text)).status_code == 200
    door.open_database()
    for text in texts[200:]:
        assert door.site.webhook.post(door.text(text)).status_code == 200
    door.wait_until_empty()
    wait_until(lambda: len(door.texts()) == len(texts), 10, "all to be there")
    assert door.texts() == texts


@with_restart_noise
def test_kills_during_the_replay_lose_nothing_and_repeat_nothing(door):
    door.close_database()
    texts = [f"text {number}" for number in range(240)]
    for text in texts:
        assert door.site.webhook.post(door.text(text)).status_code == 200
    door.open_database()
    interrupted = 0
    for left in (200, 150, 100, 50):
        wait_until(lambda: len(door.waiting()) < left, 20, "the replay to go on")
        door.kill()
        interrupted += bool(door.waiting())
        door.stack.indexer.start(door.stack.indexer.is_alive)
    door.wait_until_empty()
    assert interrupted > 0
    assert door.texts() == texts
    assert door.site.count("messages") == len(texts)
    assert door.set_aside() == []


def test_one_directory_is_of_one_daemon(door):
    config = door.stack.dir / "second.toml"
    config.write_text(door.stack.indexer.config.read_text().replace("indexer.sock", "second.sock"))
    done = subprocess.run([str(door.stack.programs.indexer), "serve", "--config", str(config)],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert "is the spool of another daemon" in done.stderr


def age(file, seconds):
    """As if the request had come earlier: its first field, with length and checksum anew."""
    first, payload = file.read_bytes().split(b"\n", 1)
    size, rest = payload.split(b":", 1)
    received = int(rest[:int(size)]) - seconds
    payload = size + b":" + str(received).encode() + rest[int(size):]
    magic = first.rsplit(b" ", 2)[0]
    file.write_bytes(b"%s %d %s\n%s" % (magic, len(payload),
                                        hashlib.sha256(payload).hexdigest().encode(), payload))
