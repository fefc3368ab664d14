"""`media-indexer replay`: kept deliveries are taken once more."""

import json
import subprocess

import pytest

from doubles.standard_webhook import event
from doubles.whatsapp_webhook import envelope, text_message
from site_under_test import Site, photo
from terminal import run_on_terminal

TABLES = ("messages", "media_files", "conversations", "deliveries", "jobs", "media_events")


@pytest.fixture
def site(stack, graph):
    """Of a company that nobody else sends to."""
    return Site(stack, graph)


@pytest.fixture
def replay(stack):
    def run(*arguments):
        return subprocess.run([str(stack.programs.indexer), "replay", *arguments, "--config",
                               str(stack.indexer.config)], capture_output=True, text=True, timeout=60)
    return run


@pytest.fixture
def totals(replay):
    def run(*arguments):
        done = replay(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def rows(site, *tables):
    """All rows of the company."""
    return {table: site.stack.postgres.psql(
        f"SELECT t FROM media.{table} AS t WHERE company_id = '{site.company}' ORDER BY t::text")
        for table in tables or TABLES}


def deliveries(site):
    return site.stack.postgres.psql(
        f"SELECT id FROM media.deliveries WHERE company_id = '{site.company}' "
        "ORDER BY received_at").splitlines()


def lose(site, message_id):
    """As if an older version had not understood the message."""
    site.stack.postgres.psql(f"DELETE FROM media.messages WHERE external_id = '{message_id}'")


def test_what_is_missing_is_made_and_downloaded(site, totals):
    content = photo()
    message = site.send_photo(content)
    site.wait_for(message)
    [delivery] = deliveries(site)
    lose(site, message)
    assert site.items(message) == []
    assert totals(delivery) == {"deliveries": 1, "messages_created": 1, "media_created": 1,
                                "failures": [], "is_dry_run": False}
    item = site.wait_for(message)
    assert site.get(item["file_url"]).content == content
    assert site.count("deliveries") == 1


def test_what_is_there_is_left_as_it_is(site, totals):
    site.receive_photo()
    site.send(text_message("hello"))
    site.receive_photo()
    before = rows(site)
    for delivery in deliveries(site):
        assert totals(delivery)["media_created"] == 0
    assert totals("--since", "1h", "--account", site.phone_number_id)["deliveries"] == 3
    assert rows(site) == before


def test_a_dry_run_makes_nothing(site, totals, replay):
    message = site.send_photo()
    site.wait_for(message)
    [delivery] = deliveries(site)
    lose(site, message)
    before = rows(site)
    told = totals(delivery, "--dry-run")
    assert (told["messages_created"], told["media_created"], told["is_dry_run"]) == (1, 1, True)
    assert "DRY RUN" in replay(delivery, "--dry-run").stdout
    assert rows(site) == before


def test_a_range_is_chosen_by_time_provider_and_account(site, twilio, totals, stack):
    hook = site.add_twilio(twilio)
    number = site.phone_number_id
    for _ in range(3):
        site.send(text_message("hello"))
    hook.post(hook.fields([]))
    stack.postgres.psql("UPDATE media.deliveries SET received_at = '2020-05-05 12:00Z' "
                        f"WHERE id = '{deliveries(site)[0]}'")

    def count(*arguments):
        return totals(*arguments, "--dry-run")["deliveries"]
    assert count("--since", "1h", "--account", number) == 2
    assert count("--since", "2020-05-05", "--account", number) == 3
    assert count("--since", "2020-05-05T12:00Z", "--until", "2020-05-05T12:00:01Z") == 1
    assert count("--since", "2020-05-05T11:00Z", "--until", "2020-05-05T12:00Z") == 0
    assert count("--since", "1h", "--provider", "twilio", "--account", hook.account_sid) == 1
    assert count("--since", "1h", "--provider", "whatsapp", "--account", hook.account_sid) == 0


def test_many_deliveries_are_taken_page_by_page(site, totals):
    texts = [text_message(f"text {number}") for number in range(130)]
    for text in texts:
        assert site.webhook.post(envelope(site.phone_number_id, [text])).status_code == 200
    for text in texts[::10]:
        lose(site, text["id"])
    # All at one time: nothing is left out or taken twice between pages.
    site.stack.postgres.psql("UPDATE media.deliveries SET received_at = '2021-05-05 12:00Z' "
                             f"WHERE company_id = '{site.company}'")
    told = totals("--since", "2021-05-05", "--until", "2021-05-06")
    assert (told["deliveries"], told["messages_created"]) == (130, 13)
    assert site.count("messages") == 130


def test_every_provider_is_read_from_what_is_kept(site, twilio, discord, openphone, totals):
    """Without signatures, which are not kept."""
    twilio_hook = site.add_twilio(twilio)
    fields = twilio_hook.fields([twilio.add_media(twilio_hook.account_sid, photo(), "image/jpeg")])
    assert twilio_hook.post(fields).status_code == 200
    site.wait_for(fields["MessageSid"])
    by_get = twilio_hook.fields([twilio.add_media(twilio_hook.account_sid, photo(), "image/jpeg")])
    assert twilio_hook.get(by_get).status_code == 200
    site.wait_for(by_get["MessageSid"])
    generic = site.add_generic()
    payload = event([])
    assert generic.post(payload).status_code == 200
    sent = [fields["MessageSid"], by_get["MessageSid"], payload["data"]["id"]]
    for message in sent:
        lose(site, message)
    assert site.count("messages") == 0
    made = [totals(delivery)["messages_created"] for delivery in deliveries(site)]
    assert made == [1, 1, 1]
    for message in sent[:2]:
        site.wait_for(message)


def test_what_cannot_be_taken_is_told_and_the_rest_is_taken(site, replay, stack):
    broken, whole = site.send_photo(), site.send_photo()
    for message in (broken, whole):
        site.wait_for(message)
    first, second = deliveries(site)
    lose(site, whole)
    stack.postgres.psql(f"UPDATE media.deliveries SET body = 'no json' WHERE id = '{first}'")
    done = replay("--since", "1h", "--account", site.phone_number_id, "--json")
    assert done.returncode == 1 and first in done.stderr
    told = json.loads(done.stdout)
    assert [failure["delivery_id"] for failure in told["failures"]] == [first]
    assert told["media_created"] == 1
    site.wait_for(whole)


@pytest.mark.log_noise("postgres", "invalid input syntax|out of range")
@pytest.mark.parametrize("arguments, status", [
    (["00000000-0000-0000-0000-000000000000"], 1), (["no-such-key"], 1), (["--since", "2026-99-99"], 1),
    ([], 2), (["--since", "soon"], 2), (["x", "--since", "1h"], 2)], ids=str)
def test_what_makes_no_sense_is_an_error(replay, arguments, status):
    done = replay(*arguments)
    assert done.returncode == status and done.stdout == "" and len(done.stderr) > 10


def test_a_terminal_sees_how_far_it_is(site, stack):
    for _ in range(5):
        site.send(text_message("hello"))
    done, shown = run_on_terminal(
        [str(stack.programs.indexer), "replay", "--since", "1h", "--account", site.phone_number_id,
         "--config", str(stack.indexer.config)])
    assert done.returncode == 0 and "deliveries: 5" in done.stdout
    assert "deliveries [" in shown and "/5" in shown
