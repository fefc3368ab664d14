"""Figures: what is stored, what waits, what happened on a day."""

import datetime
import json

import pytest
import requests

from doubles.faults import ALWAYS
from site_under_test import Site, photo
from stack.process import wait_until

FIGURES = {"files", "bytes", "blobs", "stored_bytes", "saved_bytes", "pending", "downloading",
           "failed", "deleted"}
DAILY = {"day", "provider", "file_type", "received", "completed", "failed", "bytes_stored",
         "bytes_deduplicated", "download_ms", "download_ms_max", "views", "failures"}


@pytest.fixture(scope="module")
def busy_site(stack, graph):
    """One with two photos of the same bytes, another, one that failed and one deleted."""
    site = Site(stack, graph)
    site.manager = site.token_for(site.add_user("Mia", "manager"))
    site.content = photo()
    for content in (site.content, site.content, photo()):
        site.receive_photo(content)
    site.wait_for(site.send_photo(faults=[("download", "gone", ALWAYS)]), "failed")
    deleted = site.receive_photo()
    answer = requests.delete(f"{site.stack.url}/api/v1/media/{deleted['id']}", timeout=10,
                             headers={"Authorization": f"Bearer {site.token}"})
    assert answer.status_code == 204
    return site


def fold(site):
    site.stack.postgres.psql("SELECT media.fold_analytics(NULL)")


def today():
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


class TestApi:
    def test_storage_stats(self, busy_site):
        stats = busy_site.get("/api/v1/stats", busy_site.manager).json()
        images = next(row for row in stats["buckets"] if row["bucket"] == "images")
        assert {row["file_type"] for row in stats["buckets"]} == {"image", "audio", "video", "document"}
        assert set(images) == FIGURES | {"bucket", "file_type", "oldest_pending_at"}
        assert set(stats["total"]) == FIGURES
        size = len(busy_site.content)
        assert (images["files"], images["blobs"], images["failed"], images["deleted"]) == (3, 3, 1, 1)
        assert images["bytes"] == images["stored_bytes"] == 3 * size
        assert images["saved_bytes"] == size and images["oldest_pending_at"] is None
        assert stats["total"]["bytes"] == 3 * size

    def test_analytics(self, busy_site):
        fold(busy_site)
        answer = busy_site.get("/api/v1/analytics", busy_site.manager).json()
        assert answer["to"] == today() and len(answer["items"]) == 1
        day = answer["items"][0]
        size = len(busy_site.content)
        assert set(day) == DAILY
        assert (day["day"], day["provider"], day["file_type"]) == (today(), "whatsapp", "image")
        assert (day["received"], day["completed"], day["failed"]) == (5, 4, 1)
        assert (day["bytes_stored"], day["bytes_deduplicated"]) == (3 * size, size)
        assert 0 < day["download_ms_max"] <= day["download_ms"]
        assert sum(day["failures"].values()) == 1

    def test_a_period_is_asked_for(self, busy_site):
        answer = busy_site.get("/api/v1/analytics?from=2020-02-29&to=2020-03-01", busy_site.manager)
        assert answer.json() == {"from": "2020-02-29", "to": "2020-03-01", "items": []}

    @pytest.mark.parametrize("query, word", [
        ("from=yesterday", "from"), ("to=2026-02-30", "to"), ("from=2026-2-3", "from"),
        ("from=2026-03-01&to=2026-02-01", "after"), ("from=2020-01-01&to=2026-01-01", "400 days")])
    def test_other_periods_are_refused(self, busy_site, query, word):
        answer = busy_site.get(f"/api/v1/analytics?{query}", busy_site.manager)
        assert answer.status_code == 400 and word in answer.json()["detail"]

    @pytest.mark.parametrize("path", ["stats", "analytics"])
    def test_figures_are_for_managers(self, busy_site, path):
        answer = busy_site.get(f"/api/v1/{path}")
        assert answer.status_code == 403 and "manager" in answer.json()["detail"]

    def test_another_company_has_its_own(self, busy_site, stack, graph):
        stranger = Site(stack, graph)
        token = stranger.token_for(stranger.add_user("Max", "admin"))
        assert stranger.get("/api/v1/stats", token).json()["total"]["files"] == 0
        assert stranger.get("/api/v1/analytics", token).json()["items"] == []


class TestCommand:
    def test_tells_a_company_in_a_table(self, busy_site):
        text = busy_site.stack.command("stats", "--company", busy_site.company)
        lines = [line.split() for line in text.splitlines()]
        assert busy_site.company in text.splitlines()[0]
        assert lines[1][:4] == ["bucket", "files", "bytes", "contents"]
        assert [line[0] for line in lines[2:7]] == ["audio", "documents", "images", "videos", "total"]
        assert lines[4][1] == lines[6][1] == "3" and "KiB" in lines[4]
        assert lines[-1][-2:] == ["1", "1"]

    def test_tells_all_companies_in_json(self, busy_site):
        companies = json.loads(busy_site.stack.command("stats", "--json"))["companies"]
        assert len(companies) > 1
        mine = next(entry for entry in companies if entry["id"] == busy_site.company)
        assert set(mine) == {"id", "name", "buckets", "total", "failures"}
        assert mine["total"]["files"] == 3
        assert [(entry["since_yesterday"], entry["week"]) for entry in mine["failures"]] == [(1, 1)]

    def test_does_not_know_every_company(self, stack):
        with pytest.raises(Exception, match="no company 'Nobody'"):
            stack.command("stats", "--company", "Nobody")


def test_completions_of_many_at_once_are_counted_and_computed_anew_the_same(own_stack, graph):
    site = Site(own_stack(), graph)
    twins = [photo(20_000) for _ in range(3)]
    messages = [site.offer(twins[i % 3] if i % 4 == 0 else photo(20_000),
                           faults=[("download", "gone", ALWAYS)] if i % 10 == 9 else ())
                for i in range(60)]
    for i in range(0, 60, 6):
        site.send(*messages[i:i + 6])
        fold(site)
    wait_until(lambda: site.count("jobs") == 0, 30, "all downloads to end")
    fold(site)
    figures = "SELECT * FROM media.media_analytics ORDER BY 1, 2, 3, 4"
    incremental = site.stack.postgres.psql(figures)
    received, completed, failed = map(int, site.stack.postgres.psql(
        "SELECT received, completed, failed FROM media.media_analytics").split("|"))
    assert (received, completed, failed) == (60, 54, 6)
    assert int(site.stack.postgres.psql(
        "SELECT sum(bytes_stored) - (SELECT sum(size) FROM media.blobs) FROM media.media_analytics")) == 0
    site.stack.postgres.psql("SELECT media.recompute_analytics(current_date - 1, current_date + 1)")
    assert site.stack.postgres.psql(figures) == incremental
