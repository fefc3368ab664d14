"""`media-indexer explain`: the whole story of one media item."""

import json
import subprocess
import uuid

import pytest

from site_under_test import Site, photo


@pytest.fixture
def explain(stack):
    def run(*arguments):
        return subprocess.run([str(stack.programs.indexer), "explain", *arguments, "--config",
                               str(stack.indexer.config)], capture_output=True, text=True, timeout=30)
    return run


@pytest.fixture
def story(explain):
    """The only story that the command tells, and its exit status."""
    def tell(*arguments):
        done = explain(*arguments, "--json")
        [one] = json.loads(done.stdout)
        return one, done.returncode
    return tell


def test_a_stored_photo_has_a_story_from_its_delivery_to_its_file(site, story):
    content = photo()
    message = site.send_photo(content)
    item = site.wait_for(message)
    told, status = story(item["id"], "--verify")
    assert status == 0 and told["status"] == "completed"
    assert told["company"]["id"] == site.company
    assert told["account"]["external_id"] == site.phone_number_id
    assert told["account"]["secrets"] == ["access_token", "app_secret", "verify_token"]
    assert told["message"]["external_id"] == message
    assert told["delivery"]["bytes"] > 100 and uuid.UUID(told["delivery"]["id"])
    assert told["job"] is None and told["last_error"] is None
    assert told["blob"]["size"] == len(content) and told["blob"]["media"] == 1
    [place] = told["places"]
    assert place["state"] == "present" and place["key"] == told["blob"]["key"]
    assert open(place["path"], "rb").read() == content
    assert [event["new_status"] for event in told["events"]] == ["pending", "downloading", "completed"]
    assert told["url"].endswith(f"/media/{item['id']}")


def test_the_text_says_the_same(site, explain, graph):
    item = site.receive_photo()
    done = explain(item["id"])
    assert done.returncode == 0
    for part in (f"media {item['id']}", "state ", "completed, attempts: 1", item["sha256"],
                 "blob present: local:", "downloading -> completed", site.phone_number_id):
        assert part in done.stdout
    assert graph.access_token not in done.stdout and "hash=" not in done.stdout


def test_media_is_known_by_its_message_and_by_its_storage_key_too(site, story, explain):
    message = site.send_photo()
    item = site.wait_for(message)
    told, _ = story(item["id"])
    assert story(message)[0]["id"] == item["id"]
    assert story(told["blob"]["key"])[0]["id"] == item["id"]
    again = site.receive_photo(open(told["places"][0]["path"], "rb").read())
    both = json.loads(explain(told["blob"]["key"], "--json").stdout)
    assert [one["id"] for one in both] == [item["id"], again["id"]]
    assert both[0]["delivery"]["id"] != both[1]["delivery"]["id"]


def test_a_failure_is_told_in_words_with_what_to_do(site, story, explain):
    message = site.offer(faults=[("resolve", "not_found", 9)])
    site.send(message)
    item = site.wait_for(message["id"], "failed")
    told, status = story(item["id"])
    assert status == 0 and told["last_error"].startswith("gone:")
    assert "does not have it any more" in told["meaning"]
    assert told["remedy"] in explain(item["id"]).stdout
    assert told["places"] == [] and told["blob"] is None


def test_what_waits_says_for_what(stack, graph, story):
    site = Site(stack, graph)
    message = site.offer(faults=[("resolve", "token_expired", 1)])
    site.send(message)
    item = site.wait_for_error(message["id"], "unauthorized")
    told, _ = story(item["id"])
    assert told["job"]["attempts"] == 0 and told["job"]["lease_owner"] is None
    assert "account set" in told["remedy"]
    site.retry_now(item["id"])
    site.wait_for(message["id"])


@pytest.mark.parametrize("damage, flags, state", [
    (lambda path: path.unlink(), (), "missing"),
    (lambda path: path.write_bytes(b"short"), (), "wrong_size"),
    (lambda path: path.write_bytes(bytes(path.stat().st_size)), ("--verify",), "wrong_content")],
    ids=["missing", "cut", "changed"])
def test_a_damaged_file_is_an_error(stack, graph, story, damage, flags, state):
    site = Site(stack, graph)
    item = site.receive_photo()
    [path] = site.stored_files()
    path.chmod(0o640)
    damage(path)
    told, status = story(item["id"], *flags)
    assert status == 1 and told["places"][0]["state"] == state


def test_deleted_media_has_left_its_trail(stack, graph, explain, story):
    site = Site(stack, graph)
    item = site.receive_photo()
    stack.postgres.psql(f"DELETE FROM media.media_files WHERE id = '{item['id']}'")
    told, _ = story(item["id"])
    assert told["exists"] is False
    assert [event["new_status"] for event in told["events"][-2:]] == ["completed", "deleted"]
    assert "was deleted" in explain(item["id"]).stdout


@pytest.mark.parametrize("name", ["nothing", "", "00000000-0000-0000-0000-000000000000", "a'; --"])
def test_what_is_not_known_is_an_error(explain, name):
    done = explain(name)
    assert done.returncode == (1 if name else 2)
    assert done.stdout == "" and len(done.stderr) > 10


def test_names_of_others_do_not_command_the_terminal(site, explain):
    message = site.offer(kind="document", mime_type="image/jpeg", filename="a\x1b[2J\u009bx.jpg")
    site.send(message)
    item = site.wait_for(message["id"])
    assert "\x1b" not in explain(item["id"]).stdout and "\u009b" not in explain(item["id"]).stdout
