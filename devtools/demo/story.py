"""What the demo does and tells."""

import hashlib
import secrets
import time

import requests

from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, media_message
from stack import StackError
from stack.process import wait_until

from .paint import bold, dim, green

PHONE_NUMBER_ID = "109876543210987"


class Story:
    def __init__(self, stack, graph):
        self.stack = stack
        self.graph = graph
        self.web = requests.Session()

    def start(self, port, overrides):
        print(bold("\nngx_media: one photo, from a webhook to a browser\n"), flush=True)
        begin = time.monotonic()
        self.stack.up(port, overrides)
        self.url = f"http://localhost:{port}"
        self._done(f"Postgres, media-indexer and nginx run under {self.stack.dir}", since=begin)
        self._set_up_site()

    def _set_up_site(self):
        """With the commands that an operator would type."""
        command = self.stack.command
        app_secret, verify_token = secrets.token_hex(16), secrets.token_hex(8)
        self.company = command("company", "add", "Harbour Boats")
        self.user = command("user", "add", "--company", self.company, "Grace", "--role", "agent")
        webhook = command(
            "account", "add", "--company", self.company, "--provider", "whatsapp",
            "--external-id", PHONE_NUMBER_ID, "--secret", f"app_secret={app_secret}",
            "--secret", f"access_token={self.graph.access_token}",
            "--secret", f"verify_token={verify_token}")
        self.token = self._token(self.user, self.company, "12h")
        stranger = command("company", "add", "Another Company")
        self.stranger = self._token(
            command("user", "add", "--company", stranger, "Mallory"), stranger, "1h")
        self.webhook = WhatsAppWebhook(webhook, app_secret)
        self._done("media-indexer made a company, a user and a WhatsApp account")
        answer = self.webhook.handshake(verify_token)
        self._expect(answer.text == "1158201444", "WhatsApp's verification handshake", answer)
        self._done(f"webhook {webhook} passed WhatsApp's verification handshake")

    def _token(self, user, company, ttl):
        return self.stack.command("token", "--user", user, "--company", company, "--ttl", ttl)

    def play(self, photo):
        content = photo.read_bytes()
        media_id = self.graph.add_media(content, "image/jpeg", PHONE_NUMBER_ID)
        message = media_message("image", media_id, "image/jpeg", content, caption="Ready to sail")
        delivery = envelope(PHONE_NUMBER_ID, [message])
        self.message_id = message["id"]
        print(f"\n  A customer sends {photo.name} ({len(content):,} bytes) on WhatsApp.\n",
              flush=True)
        begin = time.monotonic()
        answer = self.webhook.post(delivery)
        self._expect(answer.status_code == 200, "the signed delivery", answer)
        self._done("webhook answered 200: delivery and job are committed", since=begin)
        self._wait_for_photo(content, begin)
        self._show_rules(delivery)

    def _wait_for_photo(self, content, begin):
        item = self._items()[0]
        self.path = item["file_url"]
        photo = wait_until(lambda: self._completed(), 30, "the photo to be served")
        self._done(f"GET {self.path}  200 {photo.headers['Content-Type']}: readable after the "
                   "webhook's arrival", since=begin)
        digest = hashlib.sha256(photo.content).hexdigest()
        self._expect(photo.content == content, "the bytes of the photo", photo)
        self._done(f"every byte is the sender's: sha256 {digest[:16]}... is also the ETag")

    def _completed(self):
        answer = self._get(self.path)
        if answer.status_code not in (200, 202):
            self._expect(False, "the photo", answer)
        return answer if answer.status_code == 200 else None

    def _show_rules(self, delivery):
        answer = self.webhook.post(delivery)
        self._expect(answer.status_code == 200 and len(self._items()) == 1, "the replay", answer)
        self._done("the same delivery again: 200, and still one media item")
        etag = self._get(self.path).headers["ETag"]
        for expected, what, headers in (
                (206, "the first KiB by Range", {"Range": "bytes=0-1023"}),
                (304, "with If-None-Match", {"If-None-Match": etag})):
            self._status(expected, what, self._get(self.path, headers))
        self._status(401, "without a token", self.web.get(self.url + self.path, timeout=10))
        self._status(404, "with another company's token", self.web.get(
            self.url + self.path, headers=bearer(self.stranger), timeout=10))
        forged = self.webhook.post(delivery, {"X-Hub-Signature-256": "sha256=" + "0" * 64})
        self._status(401, "a delivery with a forged signature", forged)

    def invite(self):
        authorization = f"-H 'Authorization: Bearer {self.token}'"
        print(f"""
{bold('Try it')}
  the photo in a browser   {self.url}{self.path}?token={self.token}
  the JSON API             curl {authorization} {self.url}/api/v1/messages/{self.message_id}/media
  the database             psql -d "{self.stack.postgres.conninfo()}" -c 'TABLE media.media_items'
  everything as variables  . {self.stack.dir}/env

{dim('Logs follow. Ctrl-C stops everything.')}
""", flush=True)

    def _items(self):
        answer = self._get(f"/api/v1/messages/{self.message_id}/media")
        self._expect(answer.status_code == 200, "the media of the message", answer)
        return answer.json()["items"]

    def _get(self, path, headers=None):
        return self.web.get(self.url + path, headers=bearer(self.token) | (headers or {}),
                            timeout=10)

    def _status(self, expected, what, answer):
        self._expect(answer.status_code == expected, what, answer)
        self._done(f"{what}: {expected}")

    def _expect(self, condition, what, answer):
        if not condition:
            raise StackError(f"{what} was answered with {answer.status_code}:\n{answer.text[:500]}")

    def _done(self, text, since=None):
        took = ""
        if since is not None:
            took = bold(f"  {(time.monotonic() - since) * 1000:,.0f} ms")
        print(f"  {green('ok')}  {text}{took}", flush=True)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}
