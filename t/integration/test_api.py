"""The JSON API: who may ask, and what the answers look like."""

import re
import uuid
from urllib.parse import quote

import pytest
import requests

from site_under_test import Site, photo

ITEM_FIELDS = {
    "id", "company_id", "conversation_id", "message_id", "item_index", "file_name", "file_type",
    "mime_type", "declared_mime_type", "file_size", "duration_seconds", "waveform", "sha256", "file_key", "file_url", "provider",
    "provider_media_id", "download_status", "download_attempts", "last_error", "url_expires_at",
    "created_at", "updated_at"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo()


@pytest.fixture(scope="module")
def stranger(stack, graph):
    return Site(stack, graph)


def test_media_of_a_message_are_listed(site, item):
    answer = site.get(f"/api/v1/messages/{item['message_id']}/media")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {"items": [item], "next_cursor": None, "has_more": False}


def test_a_message_is_found_by_its_external_id_too(site):
    message_id = site.send_photo()
    item = site.wait_for(message_id)
    by_external = site.get(f"/api/v1/messages/{quote(message_id, safe='')}/media").json()
    by_own = site.get(f"/api/v1/messages/{item['message_id']}/media").json()
    assert by_external == by_own


def test_an_item_has_the_documented_fields(site, item):
    assert set(item) == ITEM_FIELDS
    assert site.get(f"/api/v1/media/{item['id']}").json() == item
    assert item["file_url"] == f"/media/{item['id']}"
    assert item["company_id"] == site.company and item["provider"] == "whatsapp"
    assert item["declared_mime_type"] == item["mime_type"] == "image/jpeg"
    for field in ("created_at", "updated_at"):
        assert re.fullmatch(TIME, item[field])


def test_the_status_of_an_item(site, item):
    status = site.get(f"/api/v1/media/{item['id']}/status").json()
    assert status["download_status"] == "completed" and status["progress"] == 1
    assert set(status) == {"id", "download_status", "download_attempts", "last_error",
                           "file_size", "progress", "retry_at"}


def test_a_message_that_nobody_knows_is_404_or_empty(site):
    answer = site.get("/api/v1/messages/unheard-of/media")
    assert answer.status_code == 404 or answer.json()["items"] == []


@pytest.mark.parametrize("path", [
    f"/api/v1/media/{uuid.uuid4()}", f"/api/v1/media/{uuid.uuid4()}/status",
    "/api/v1/media/not-a-uuid", "/api/v1/nothing", "/api/v1/media/", "/api/v1/"])
def test_what_does_not_exist_is_a_404_problem(site, path):
    answer = site.get(path)
    assert answer.status_code in (400, 404)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == answer.status_code and problem["title"]


def test_other_methods_are_refused(site, item):
    answer = requests.put(f"{site.stack.url}/api/v1/media/{item['id']}", timeout=10,
                          headers={"Authorization": f"Bearer {site.token}"})
    assert answer.status_code == 405


class TestTenants:
    def test_another_companys_media_does_not_exist(self, stranger, item):
        absent = stranger.get(f"/api/v1/media/{uuid.uuid4()}")
        other = stranger.get(f"/api/v1/media/{item['id']}")
        assert other.status_code == absent.status_code == 404
        assert other.json() == absent.json()

    def test_another_companys_message_does_not_exist(self, stranger, item):
        answer = stranger.get(f"/api/v1/messages/{item['message_id']}/media")
        assert answer.status_code == 404 or answer.json()["items"] == []

    def test_identity_headers_of_a_client_count_for_nothing(self, site, stranger, item):
        forged = {"X-Media-Company": site.company, "X-Media-User": site.user,
                  "X-Media-Role": "admin", "x-media-company": site.company}
        assert stranger.get(f"/api/v1/media/{item['id']}", headers=forged).status_code == 404
        anonymous = requests.get(f"{site.stack.url}/api/v1/media/{item['id']}", headers=forged,
                                 timeout=10)
        assert anonymous.status_code == 401

    def test_underscored_identity_headers_do_not_pass_either(self, stranger, site, item):
        forged = {"X_Media_Company": site.company, "X_Media_User": site.user}
        assert stranger.get(f"/api/v1/media/{item['id']}", headers=forged).status_code == 404

    def test_the_indexer_itself_refuses_who_has_no_identity(self, stack, item):
        status, body = stack.indexer.get(f"/api/v1/media/{item['id']}")
        assert status == 401, body


class TestTokens:
    @pytest.mark.parametrize("path", ["/api/v1/media/x", "/api/v1/messages/x/media"])
    def test_without_a_token_the_answer_is_401(self, stack, path):
        answer = requests.get(stack.url + path, timeout=10)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_media_of_the_webhooks_stay_open(self, stack):
        """Providers have no token: their signature is what counts."""
        answer = requests.post(f"{stack.url}/webhooks/whatsapp/1", data=b"{}", timeout=10)
        assert answer.status_code == 404


def test_health_is_told(stack):
    assert stack.indexer.get("/healthz")[0] == 200
    assert stack.indexer.get("/readyz")[0] == 200


def test_a_stored_file_name_is_not_taken_from_the_client(site):
    item = site.receive_photo(photo())
    assert item["file_key"].startswith(site.company + "/")
    assert (site.stack.root / item["file_key"]).is_file()
