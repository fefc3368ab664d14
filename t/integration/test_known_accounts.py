"""An indexer that is started while the database is away knows the accounts of before."""

import json
import stat

import pytest

from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, text_message
from faults_under_test import with_restart_noise
from site_under_test import APP_SECRET, Site, photo
from stack.process import wait_until


class Outage:
    """A stack whose indexer is started without its database."""

    def __init__(self, stack, graph):
        self.stack = stack
        self.site = Site(stack, graph)
        self.file = stack.dir / "spool" / "known_accounts"
        self.wait_until_known(self.site)

    def accounts(self):
        if not self.file.exists():
            return {}
        accounts = json.loads(self.file.read_bytes().split(b"\n", 1)[1])
        return {item["external_id"]: item for item in accounts}

    def knows(self, site):
        return site.phone_number_id in self.accounts()

    def wait_until_known(self, site):
        wait_until(lambda: self.knows(site), 10, "the account to be in the file")

    def wait_until_unknown(self, site):
        wait_until(lambda: not self.knows(site), 10, "the account to be gone from the file")

    def begin(self):
        self.stack.indexer.stop()
        self.stack.postgres.stop()

    def start_alone(self):
        self.stack.indexer.start(self.stack.indexer.is_alive)

    def end(self):
        self.stack.postgres.start()
        wait_until(self.stack.indexer.is_ready, 20, "the indexer to be ready")


@pytest.fixture
def outage(own_stack, graph):
    return Outage(own_stack(), graph)


def text_for(site):
    return envelope(site.phone_number_id, [text_message()])


def deactivate(site):
    site.stack.postgres.psql("UPDATE media.accounts SET is_active = false "
                             f"WHERE external_id = '{site.phone_number_id}'")


@with_restart_noise
def test_webhooks_are_taken_by_an_indexer_that_has_never_seen_the_database(outage):
    site = outage.site
    content = photo()
    message = site.offer(content)
    outage.begin()
    outage.start_alone()
    assert site.webhook.post(envelope(site.phone_number_id, [message])).status_code == 200
    assert WhatsAppWebhook(site.webhook.url, "0" * 32).post(text_for(site)).status_code == 401
    unsigned = site.webhook.session.post(site.webhook.url, json=text_for(site), timeout=10)
    assert unsigned.status_code in (401, 403)
    unknown = WhatsAppWebhook(site.webhook.url + "9", APP_SECRET)
    assert unknown.post(text_for(site)).status_code == 503
    assert len(list((outage.file.parent).glob("*.request"))) == 1
    outage.end()
    item = site.wait_for(message["id"])
    assert site.get(item["file_url"]).content == content
    assert site.count("deliveries") == 1


@with_restart_noise
def test_who_is_deactivated_does_not_live_on_in_the_file(outage):
    online, offline = Site(outage.stack, outage.site.graph), Site(outage.stack, outage.site.graph)
    for site in (online, offline):
        outage.wait_until_known(site)
    deactivate(online)
    outage.wait_until_unknown(online)
    outage.stack.indexer.stop()
    assert outage.knows(offline)
    deactivate(offline)
    outage.stack.indexer.start()
    outage.wait_until_unknown(offline)
    outage.begin()
    outage.start_alone()
    for site in (online, offline):
        assert site.webhook.post(text_for(site)).status_code == 503
    assert outage.site.webhook.post(text_for(outage.site)).status_code == 200
    outage.end()


@with_restart_noise
def test_a_new_secret_is_in_the_file_sealed(outage):
    site = outage.site
    before = outage.accounts()[site.phone_number_id]["secrets"]
    site.stack.command("account", "set", "--provider", "whatsapp", "--external-id",
                       site.phone_number_id, "--secret", "app_secret=another-secret-of-the-app")
    wait_until(lambda: outage.accounts()[site.phone_number_id]["secrets"] != before, 10,
               "the new secret to be in the file")
    assert stat.S_IMODE(outage.file.stat().st_mode) == 0o600
    contents = outage.file.read_bytes()
    for secret in (APP_SECRET, "another-secret-of-the-app", site.graph.access_token):
        assert secret.encode() not in contents
    outage.begin()
    outage.start_alone()
    webhook = WhatsAppWebhook(site.webhook.url, "another-secret-of-the-app")
    assert webhook.post(text_for(site)).status_code == 200
    assert site.webhook.post(text_for(site)).status_code == 401
    outage.end()


def change(file):
    contents = file.read_bytes()
    file.write_bytes(contents.replace(b'"whatsapp"', b'"whatsApp"'))


def cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def open_to_others(file):
    file.chmod(0o644)


@with_restart_noise
def test_a_file_that_is_not_as_it_was_written_is_ignored(outage):
    site = outage.site
    for times, damage in enumerate([change, cut, open_to_others], 1):
        outage.begin()
        whole = outage.file.read_bytes()
        damage(outage.file)
        outage.start_alone()
        log = outage.stack.indexer.log.read_text()
        assert log.count('"event":"known_accounts_ignored"') == times
        assert site.webhook.post(text_for(site)).status_code == 503
        outage.end()
        wait_until(lambda: outage.file.read_bytes() == whole
                   and stat.S_IMODE(outage.file.stat().st_mode) == 0o600, 10,
                   "the file to be whole again")
        assert site.webhook.post(text_for(site)).status_code == 200
