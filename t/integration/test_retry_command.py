"""The operator looks at the queue, and tries again what failed."""

import json
import subprocess
import uuid

import pytest

from doubles.faults import ALWAYS
from site_under_test import Site
from stack.process import wait_until
from terminal import run_on_terminal


@pytest.fixture
def own_site(own_stack, graph):
    return Site(own_stack(), graph)


@pytest.fixture
def run(own_site):
    """run(arguments...) -> CompletedProcess of media-indexer."""
    def command(*arguments, **options):
        options = {"capture_output": True, "text": True, "timeout": 30} | options
        stack = own_site.stack
        return subprocess.run([str(stack.programs.indexer), *arguments, "--config",
                               str(stack.indexer.config)], **options)
    return command


def fail_one(site, mode="gone"):
    """A message whose download was given up, and the id of its media."""
    message = site.offer(faults=[("download", mode, ALWAYS)])
    site.send(message)
    return message, site.wait_for(message["id"], "failed")["id"]


def repair(graph, *messages):
    for message in messages:
        graph.media[message["image"]["id"]].script.clear()


def test_what_failed_is_downloaded_again_once_the_cause_is_gone(own_site, graph, run):
    gone, _ = fail_one(own_site)
    html, _ = fail_one(own_site, "html")
    repair(graph, gone, html)
    assert run("retry", "--dry-run").stdout == "2 would be queued again\n"
    assert run("retry", "--reason", "network").stdout == "0 queued again\n"
    done = run("retry", "--company", own_site.company, "--provider", "whatsapp", "--reason",
               "unexpected_html", "--max-age", "1h", "--max-attempts", "10", "--limit", "5", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"dry_run": False, "retried": 1, "completed": 0,
                                       "downloading": 0, "deleted": 0, "not_found": 0}
    wait_until(lambda: own_site.items(html["id"])[0]["download_status"] == "completed", 10, "the retry")
    assert own_site.items(gone["id"])[0]["download_status"] == "failed"
    assert run("retry").stdout == "1 queued again\n"
    wait_until(lambda: own_site.items(gone["id"])[0]["download_status"] == "completed", 10, "the retry")
    assert run("retry").stdout == "0 queued again\n"


def test_media_is_retried_by_its_id(own_site, graph, run):
    message, media_id = fail_one(own_site)
    repair(graph, message)
    unknown = str(uuid.uuid4())
    done = run("retry", media_id, unknown)
    assert done.returncode == 1
    assert unknown in done.stderr and "1 queued again, 1 not found" in done.stderr
    wait_until(lambda: own_site.items(message["id"])[0]["download_status"] == "completed", 10, "the retry")
    assert run("retry", media_id).stdout == "0 queued again, 1 completed\n"


def test_media_that_waits_for_its_account_is_tried_at_once(own_site, graph, run):
    message = own_site.offer(faults=[("resolve", "token_expired", ALWAYS)])
    own_site.send(message)
    waiting = own_site.wait_for_error(message["id"], "unauthorized")
    state = json.loads(run("queue", "--json").stdout)
    assert [entry["reason"] for entry in state["suspensions"]] == ["unauthorized"]
    assert state["suspensions"][0]["external_id"] == own_site.phone_number_id
    assert f"whatsapp {own_site.phone_number_id}" in run("queue").stdout
    check = run("check")
    assert f"warn account whatsapp {own_site.phone_number_id}: suspended since" in check.stdout
    assert "account set" in check.stdout
    repair(graph, message)
    assert run("retry", waiting["id"]).returncode == 0
    own_site.wait_for(message["id"], seconds=5)
    assert "ok suspended accounts" in run("check").stdout


def test_the_queue_shows_what_is_in_it(own_site, graph, run):
    _, failed = fail_one(own_site)
    running = own_site.offer(faults=[("download", "drip", ALWAYS)])
    own_site.send(running)
    wait_until(lambda: own_site.count("jobs", "lease_owner IS NOT NULL") == 1, 5, "the download to run")
    state = json.loads(run("queue", "--json").stdout)
    assert (state["running"], state["failed"], state["ready"]) == (1, 1, 0)
    assert state["companies"][0]["jobs"] == 1
    assert state["deadlines"][0]["provider"] == "whatsapp"
    assert run("queue").stdout.startswith("ready  running  waiting")
    own_site.wait_for(running["id"])


def test_a_watched_queue_is_shown_again_and_again(own_site):
    stack = own_site.stack
    watch = subprocess.Popen([str(stack.programs.indexer), "queue", "--watch", "--json", "--config",
                              str(stack.indexer.config)], stdout=subprocess.PIPE, text=True)
    try:
        states = [json.loads(watch.stdout.readline()) for _ in range(2)]
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()
    assert states[0]["at"] < states[1]["at"]


def test_on_a_terminal_a_bar_shows_the_progress(own_site, graph):
    message, _ = fail_one(own_site)
    repair(graph, message)
    stack = own_site.stack
    done, shown = run_on_terminal([str(stack.programs.indexer), "retry", "--config",
                                   str(stack.indexer.config)])
    assert done.stdout == "1 queued again\n"
    assert "] 1/1  100%" in shown
