"""A site under test: one company with a user and accounts, and the things people do there."""

import itertools
import os
import uuid
from pathlib import Path
from urllib.parse import quote

import requests

from doubles.discord import DiscordWebhook
from doubles.openphone import OpenPhoneWebhook
from doubles.standard_webhook import StandardWebhook, make_secret
from doubles.twilio import TwilioWebhook, new_sid
from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, media_message
from stack.process import wait_until

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
PHOTO = (FIXTURES / "photo" / "sailing_boat.jpg").read_bytes()
APP_SECRET = "5f1d0c4b7a9e4e2f8c3b6a1d2e4f7089"
VERIFY_TOKEN = "vibecoding"

ENDED = ("completed", "failed", "quarantined")

_numbers = itertools.count(int.from_bytes(os.urandom(5), "big") + 10**14)


def photo(size=None):
    """A JPEG nobody has sent before: what follows the end of the picture differs."""
    unique = uuid.uuid4().bytes
    if size is None:
        return PHOTO + unique
    return (PHOTO[:size - len(unique)] if size < len(PHOTO) else
            PHOTO + os.urandom(size - len(PHOTO) - len(unique))) + unique


class Site:
    def __init__(self, stack, graph=None):
        self.stack = stack
        self.graph = graph
        self.company = stack.command("company", "add", f"company {uuid.uuid4()}")
        self.user = self.add_user("Grace")
        self.token = self.token_for(self.user)
        self.phone_number_id = str(next(_numbers))
        if graph:
            self.webhook = WhatsAppWebhook(self.add_whatsapp(self.phone_number_id), APP_SECRET)

    # Set-up, with the commands of an operator.

    def add_user(self, name, role="agent"):
        return self.stack.command("user", "add", "--company", self.company, name, "--role", role)

    def token_for(self, user, ttl="1h"):
        return self.stack.command(
            "token", "--user", user, "--company", self.company, "--ttl", ttl)

    def add_account(self, provider, external_id, settings=(), **secrets):
        arguments = [part for name, value in secrets.items()
                     for part in ("--secret", f"{name}={value}")]
        arguments += [part for name in settings for part in ("--setting", f"{name}=on")]
        url = self.stack.command("account", "add", "--company", self.company, "--provider",
                                 provider, "--external-id", external_id, *arguments)
        return url.replace(self.public_url(), self.stack.url)

    def add_whatsapp(self, phone_number_id):
        return self.add_account("whatsapp", phone_number_id, app_secret=APP_SECRET,
                                access_token=self.graph.access_token, verify_token=VERIFY_TOKEN)

    def add_generic(self):
        secret = make_secret()
        return StandardWebhook(self.add_account("generic", f"hook-{uuid.uuid4()}", secret=secret),
                               secret)

    def add_twilio(self, api, *settings):
        sid, token = new_sid("AC"), uuid.uuid4().hex
        api.tokens[sid] = token
        url = self.add_account("twilio", sid, settings, auth_token=token)
        return TwilioWebhook(url, url.replace(self.stack.url, self.public_url()), sid, token)

    def add_discord(self, *settings, **secrets):
        hook = DiscordWebhook(None)
        hook.url = self.add_account("discord", f"application-{uuid.uuid4()}", settings,
                                    public_key=hook.public_key, **secrets)
        return hook

    def add_openphone(self, provider, *settings, **secrets):
        url = self.add_account(provider, f"workspace-{uuid.uuid4()}", settings, **secrets)
        return OpenPhoneWebhook(url, secrets.get("signing_key"), secrets.get("secret"))

    def public_url(self):
        return f"http://localhost:{self.stack.port}"

    # What a customer does.

    def offer(self, content=None, kind="image", mime_type="image/jpeg", faults=(), **fields):
        """Puts media on the provider, with faults [(step, mode, times)]; the webhook's message."""
        content = photo() if content is None else content
        media_id = self.graph.add_media(content, mime_type, self.phone_number_id)
        for step, mode, times in faults:
            self.graph.fault(media_id, step, mode, times)
        return media_message(kind, media_id, mime_type, content, **fields)

    def send(self, *messages):
        """Delivers the messages as one webhook call."""
        answer = self.webhook.post(envelope(self.phone_number_id, list(messages)))
        assert answer.status_code == 200, answer.text
        return answer

    def send_photo(self, content=None, **options):
        """Offers and delivers one photo; its message id."""
        message = self.offer(content, **options)
        self.send(message)
        return message["id"]

    def receive_photo(self, content=None, **options):
        """Sends a photo and waits until it is there; its item in the API."""
        return self.wait_for(self.send_photo(content, **options))

    # What an agent does.

    def get(self, path, token=None, headers=None, **options):
        authorization = {"Authorization": f"Bearer {token or self.token}"}
        return requests.get(self.stack.url + path, headers=authorization | (headers or {}),
                            timeout=20, **options)

    def items(self, message_id, token=None):
        answer = self.get(f"/api/v1/messages/{quote(message_id, safe='')}/media", token)
        if answer.status_code == 404:
            return []
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def wait_for(self, message_id, status="completed", seconds=30):
        """The message's only item, once its download has come to an end."""
        def ended():
            items = self.items(message_id)
            if items and items[0]["download_status"] in ENDED:
                return items
            return None
        items = wait_until(ended, seconds, f"the media of {message_id} to be {status}")
        assert len(items) == 1
        assert items[0]["download_status"] == status, items[0]
        return items[0]

    def wait_for_all(self, message_id, count, seconds=30):
        """The message's items in their order, once as many have come to an end."""
        def ended():
            items = self.items(message_id)
            done = [item for item in items if item["download_status"] in ENDED]
            return items if len(done) == count else None
        return wait_until(ended, seconds, f"{count} media of {message_id}")

    def wait_for_error(self, message_id, reason, seconds=20):
        """The message's only item, once a download of it went wrong for this reason."""
        def told():
            items = self.items(message_id)
            return items[0] if items and (items[0]["last_error"] or "").startswith(reason + ":") \
                else None
        return wait_until(told, seconds, f"the media of {message_id} to tell '{reason}'")

    # What the database and the disk hold.

    def retry_now(self, media_id):
        """Spares the test the pauses that a job and its account take."""
        self.stack.postgres.psql(
            f"UPDATE media.jobs SET run_at = now() WHERE media_id = '{media_id}';"
            f"UPDATE media.account_suspensions SET probe_at = now()"
            f" WHERE company_id = '{self.company}' AND suspended_at IS NOT NULL")

    def retry_all_now(self):
        """The same for all that waits."""
        self.stack.postgres.psql(
            f"UPDATE media.jobs SET run_at = now() WHERE company_id = '{self.company}' AND lease_owner IS NULL;"
            f"UPDATE media.account_suspensions SET probe_at = now()"
            f" WHERE company_id = '{self.company}' AND suspended_at IS NOT NULL")

    def count(self, table, where="true"):
        return int(self.stack.postgres.psql(
            f"SELECT count(*) FROM media.{table} WHERE company_id = '{self.company}' AND {where}"))

    def stored_files(self):
        return [path for path in (self.stack.root / self.company).rglob("*") if path.is_file()]

    def quarantined_file(self, media_id):
        return self.stack.root / ".quarantine" / media_id
