"""Media, messages, conversations and companies deleted before, during and after the download."""

import json
import signal
import threading
import uuid

import psycopg
import pytest
import requests

from doubles.faults import ALWAYS
from doubles.whatsapp_webhook import message_id
from site_under_test import Site, photo
from stack.process import wait_until
from test_lifecycle import temporary_files


@pytest.fixture
def sweeping_site(own_stack, graph):
    """One whose files go a second after their last reference."""
    return Site(own_stack({"deletion.grace_seconds": 1}), graph)


def delete(site, path, token=None):
    return requests.delete(site.stack.url + path, timeout=10,
                           headers={"Authorization": f"Bearer {token or site.token}"})


def restore(site, item, token=None):
    return requests.post(f"{site.stack.url}/api/v1/media/{item['id']}/restore", timeout=10,
                         headers={"Authorization": f"Bearer {token or site.token}"})


def delete_media(site, item):
    answer = delete(site, f"/api/v1/media/{item['id']}")
    assert (answer.status_code, answer.text) == (204, "")


def is_refused(site, item):
    return site.get(item["file_url"]).status_code == 404


def pending_item(site, faults):
    message = site.offer(faults=faults)
    site.send(message)
    return wait_until(lambda: site.items(message["id"]), 5, "the item")[0]


def running_download(site):
    """The item of a download that takes a minute."""
    item = pending_item(site, [("download", "crawl", ALWAYS)])
    wait_until(lambda: site.count("media_files", "download_status = 'downloading'") == 1, 5,
               "the download to run")
    return item


def events(site, item):
    return site.stack.postgres.psql(
        "SELECT actor || ': ' || coalesce(detail, '') FROM media.media_events"
        f" WHERE media_id = '{item['id']}' AND old_is_active <> new_is_active ORDER BY at").split("\n")


class TestByApi:
    def test_media_deleted_before_the_download_are_not_fetched(self, site):
        item = pending_item(site, [("resolve", "server_error", ALWAYS)])
        delete_media(site, item)
        assert site.count("jobs", f"media_id = '{item['id']}'") == 0
        assert site.get(f"/api/v1/media/{item['id']}").status_code == 404
        assert is_refused(site, item)

    def test_a_download_ends_when_its_media_are_deleted(self, own_stack, graph):
        """It notices when it extends its lease: the transfer itself would go on for a minute."""
        site = Site(own_stack({"fetch.total_timeout_ms": 90000, "fetch.concurrency": 1,
                               "fetch.lease_seconds": 3}), graph)
        item = running_download(site)
        delete_media(site, item)
        site.receive_photo()  # the only slot is free again
        assert len(site.stored_files()) == 1 and temporary_files(site.stack) == []
        assert site.count("media_files", f"id = '{item['id']}' AND download_status = 'pending'") == 1

    def test_an_interrupted_download_is_queued_again_by_a_restore(self, site):
        content = photo()
        message = site.offer(content, faults=[("download", "stall", 1)])
        site.send(message)
        wait_until(lambda: site.count("media_files", "download_status = 'downloading'") == 1, 5,
                   "the download to run")
        item = site.items(message["id"])[0]
        delete_media(site, item)
        answer = restore(site, item)
        assert answer.status_code == 200 and answer.json()["download_status"] == "pending"
        assert site.get(site.wait_for(message["id"])["file_url"]).content == content

    def test_deleted_media_are_refused_at_once_and_come_back(self, site):
        content = photo()
        item = site.receive_photo(content)
        assert site.get(item["file_url"]).content == content
        delete_media(site, item)
        wait_until(lambda: is_refused(site, item), 2, "nginx to hear of it")
        assert site.items(item["message_id"]) == []
        assert restore(site, item).json()["download_status"] == "completed"
        wait_until(lambda: site.get(item["file_url"]).status_code == 200, 2, "nginx to hear of it")
        assert site.get(item["file_url"]).content == content
        assert events(site, item) == [f"{site.user}: deleted by a user", f"{site.user}: restored by a user"]

    def test_a_deletion_can_be_repeated(self, site):
        item = site.receive_photo()
        delete_media(site, item)
        delete_media(site, item)

    def test_all_media_of_a_message_are_deleted(self, site):
        item = site.receive_photo()
        answer = delete(site, f"/api/v1/messages/{item['message_id']}/media")
        assert answer.status_code == 200 and answer.json() == {"deleted": 1}
        assert site.items(item["message_id"]) == []

    def test_what_does_not_exist_is_not_found(self, site):
        for path in (f"media/{uuid.uuid4()}", "media/x", "messages/unheard-of/media"):
            assert delete(site, f"/api/v1/{path}").status_code == 404
        assert restore(site, {"id": uuid.uuid4()}).status_code == 404
        assert site.get(f"/api/v1/media/{uuid.uuid4()}/restore").status_code == 405

    def test_viewers_look_on(self, site):
        item = site.receive_photo()
        viewer = site.token_for(site.add_user("Vic", "viewer"))
        for answer in (delete(site, f"/api/v1/media/{item['id']}", viewer), restore(site, item, viewer),
                       delete(site, f"/api/v1/messages/{item['message_id']}/media", viewer)):
            assert answer.status_code == 403
            assert "agent, manager or admin" in answer.json()["detail"]
        assert site.get(item["file_url"], viewer).status_code == 200

    def test_another_company_deletes_nothing(self, site, stack, graph):
        item = site.receive_photo()
        stranger = Site(stack, graph)
        assert delete(stranger, f"/api/v1/media/{item['id']}").status_code == 404
        assert delete(stranger, f"/api/v1/messages/{item['message_id']}/media").status_code == 404
        assert restore(stranger, item).status_code == 404
        assert site.get(item["file_url"]).status_code == 200


class TestByTheSender:
    def revocation(self, original):
        return {"from": "447700900123", "id": message_id(), "timestamp": "1700000000",
                "type": "revoke", "revoke": {"original_message_id": original}}

    def test_a_revoked_message_loses_its_media(self, site):
        message = site.offer()
        site.send(message)
        item = site.wait_for(message["id"])
        site.send(self.revocation(message["id"]))
        wait_until(lambda: is_refused(site, item), 2, "nginx to hear of it")
        assert site.items(message["id"]) == []
        assert events(site, item) == ["webhook: withdrawn by its sender"]

    def test_media_of_a_message_that_was_revoked_before_it_came_are_not_fetched(self, site):
        message = site.offer()
        site.send(self.revocation(message["id"]))
        site.send(message)
        rows = "message_id = (SELECT id FROM media.messages WHERE external_id = '{}')".format(message["id"])
        assert site.count("media_files", f"NOT is_active AND download_status = 'pending' AND {rows}") == 1
        assert site.count("jobs", f"media_id IN (SELECT id FROM media.media_files WHERE {rows})") == 0


class TestFiles:
    def test_go_after_the_grace_period_and_not_while_another_message_has_them(self, sweeping_site):
        site, content = sweeping_site, photo()
        first, second = site.receive_photo(content), site.receive_photo(content)
        kept = site.receive_photo()
        delete_media(site, first)
        wait_until(lambda: loose_blobs(site) == 0, 10, "a sweep")
        assert site.get(second["file_url"]).content == content
        delete_media(site, second)
        wait_until(lambda: len(site.stored_files()) == 1, 10, "the file to go")
        assert site.get(kept["file_url"]).status_code == 200
        assert site.count("blobs", "state = 'gone'") == 1

    def test_that_are_gone_are_fetched_again_by_a_restore(self, sweeping_site):
        site, content = sweeping_site, photo()
        item = site.receive_photo(content)
        delete_media(site, item)
        wait_until(lambda: site.stored_files() == [], 10, "the file to go")
        assert restore(site, item).json()["download_status"] == "pending"
        assert site.get(site.wait_for(item["message_id"])["file_url"]).content == content
        wait_until(lambda: loose_blobs(site) == 0, 10, "a sweep")
        assert len(site.stored_files()) == 1

    def test_come_and_go_with_a_conversation(self, sweeping_site):
        site = sweeping_site
        item = site.receive_photo()
        site.stack.postgres.psql(
            f"SELECT media.delete_conversation('{site.company}', '{item['conversation_id']}', 'x', 'y')")
        wait_until(lambda: is_refused(site, item), 2, "nginx to hear of it")
        wait_until(lambda: site.stored_files() == [], 10, "the file to go")
        for table in ("blobs", "messages", "conversations", "media_files", "jobs"):
            assert site.count(table) == 0, table

    def test_that_a_killed_daemon_had_marked_are_removed_by_the_next(self, sweeping_site):
        site = sweeping_site
        item = site.receive_photo()
        site.stack.indexer.stop(signal.SIGKILL)
        key = site.stack.postgres.psql(f"""
            UPDATE media.media_files SET is_active = FALSE WHERE id = '{item['id']}';
            UPDATE media.loose_blobs SET since = since - interval '1 hour';
            SELECT media.give_up_blobs(1, 10);
            UPDATE media.doomed_files SET doomed_at = doomed_at - interval '1 hour';
            SELECT media.claim_doomed_files('local', 1, 10)""").splitlines()[-1]
        assert key == item["file_key"] and len(site.stored_files()) == 1
        site.stack.indexer.start()
        wait_until(lambda: site.stored_files() == [], 10, "the file to go")
        assert site.stack.postgres.psql(
            f"SELECT removed_at IS NOT NULL FROM media.doomed_files WHERE storage_key = '{key}'") == "t"

    @pytest.mark.log_noise("indexer", "sweep_failed|store|marker")
    def test_are_not_taken_for_removed_when_the_disk_is_not_mounted(self, sweeping_site):
        site = sweeping_site
        item = site.receive_photo()
        mark, hidden = site.stack.root / ".ngx_media_store", site.stack.dir / "hidden-mark"
        mark.rename(hidden)
        delete_media(site, item)
        wait_until(lambda: "sweep_failed" in site.stack.indexer.log.read_text(), 10, "a sweep")
        assert len(site.stored_files()) == 1
        hidden.rename(mark)
        wait_until(lambda: site.stored_files() == [], 10, "the file to go")


def loose_blobs(site):
    return int(site.stack.postgres.psql("SELECT count(*) FROM media.loose_blobs"))


MESSAGES = json.dumps([{"external_id": str(number), "conversation": {"external_id": "c"},
                        "media": [{"index": 0, "file_type": "image", "url": "https://x"}]}
                       for number in range(3)])


def _connect(site):
    return psycopg.connect(site.stack.postgres.conninfo())


def delete_during_completion(site, statement):
    with _connect(site) as worker, _connect(site) as operator:
        worker.execute(
            "SELECT media.accept_delivery(id, %s, '{}', '', %s) FROM media.accounts WHERE company_id = %s",
            (str(uuid.uuid4()), MESSAGES, site.company))
        worker.commit()
        jobs = [row[0] for row in worker.execute("SELECT job_id FROM media.claim_jobs('w', 9, 60)")]
        worker.commit()
        worker.execute("SELECT media.lock_download(%s, 'w')", jobs[:1])  # as completing begins
        deletion = threading.Thread(target=operator.execute, args=(statement, [site.company]))
        deletion.start()
        wait_until(lambda: site.stack.postgres.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "1", 5,
            "the deletion to wait")
        outcome = worker.execute(
            "SELECT outcome FROM media.complete_download(%s, 'w', sha256('x'), 1, 'image/png', 'local', 'x')",
            jobs[:1]).fetchone()
        kept = worker.execute("SELECT count(*) FROM media.extend_leases('w', %s, 60)",
                              [jobs[1:]]).fetchone()
        worker.commit()
        deletion.join()
        operator.commit()
        assert outcome == ("stored",) and kept == (2,)


class TestCompany:
    def test_is_deleted_while_its_media_are_downloaded(self, sweeping_site):
        """Nobody waits for each other in a circle, and no file is left."""
        site = sweeping_site
        other = Site(site.stack, site.graph)
        kept = other.receive_photo()
        for _ in range(4):
            site.send(*[site.offer(photo(20_000)) for _ in range(40)])
        wait_until(lambda: site.count("media_files", "download_status = 'completed'") >= 10, 20,
                   "downloads to run")
        assert site.stack.postgres.psql(f"SELECT media.delete_company('{site.company}')") == "t"
        wait_until(lambda: site.stored_files() == [], 20, "its files to go")
        for table in ("media_files", "jobs", "blobs", "media_events", "deliveries", "accounts"):
            assert site.count(table) == 0, table
        assert "deadlock" not in site.stack.postgres.log.read_text()
        assert other.get(kept["file_url"]).status_code == 200

    def test_waits_for_a_download_that_is_being_completed(self, own_stack, graph):
        """The download holds its media and asks for the company, which a plain DELETE has by then."""
        site = Site(own_stack(), graph)
        site.stack.indexer.stop()
        for statement in ("SELECT media.delete_conversation(company_id, id, 'x', 'y')"
                          " FROM media.conversations WHERE company_id = %s",
                          "SELECT media.delete_company(%s)"):
            delete_during_completion(site, statement)
            assert site.count("media_files") == 0
        site.stack.indexer.start()

    def test_many_are_deleted_at_once(self, own_stack, graph):
        stack = own_stack({"deletion.grace_seconds": 1, "fetch.concurrency": 16})
        sites = [Site(stack, graph) for _ in range(4)]
        for site in sites:
            site.send(*[site.offer(photo(20_000)) for _ in range(30)])
        wait_until(lambda: sum(site.count("blobs") for site in sites) >= 20, 20, "downloads to run")
        deletions = [threading.Thread(target=stack.postgres.psql, args=(
            f"SELECT media.delete_company('{site.company}')",)) for site in sites]
        for thread in deletions:
            thread.start()
        for thread in deletions:
            thread.join()
        wait_until(lambda: [path for path in stack.root.rglob("*.jpg")] == [], 20, "all files to go")
        assert int(stack.postgres.psql("SELECT count(*) FROM media.media_files")) == 0
        assert "deadlock" not in stack.postgres.log.read_text()
