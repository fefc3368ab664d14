"""Who waits for whom: fairness, limits, and accounts that are left alone for a while."""

import time
import uuid

import pytest

from doubles.faults import ALWAYS
from doubles.standard_webhook import FileHost, event
from doubles.whatsapp_graph import GRAPH_HOST
from site_under_test import Site, photo
from stack.process import wait_until

FLOOD = """
    SELECT media.accept_delivery(
        '{account}', 'flood {n}', '{{}}', '',
        jsonb_build_array(jsonb_build_object(
            'external_id', 'flood {n}', 'conversation', jsonb_build_object('external_id', 'flood'),
            'media', (SELECT jsonb_agg(jsonb_build_object('index', i, 'file_type', 'image', 'url', '{url}'))
                      FROM generate_series(1, 1000) AS i))))"""


@pytest.fixture
def slow_host():
    host = FileHost("slow.localhost")
    yield host
    host.close()


@pytest.fixture
def files():
    host = FileHost()
    yield host
    host.close()


def send(webhook, *urls):
    """Delivers one message with media at these URLs; its id."""
    payload = event([{"url": url, "content_type": "image/jpeg"} for url in urls])
    assert webhook.post(payload).status_code == 200
    return payload["data"]["id"]


def account_of(site, provider):
    return site.stack.postgres.psql(
        f"SELECT id FROM media.accounts WHERE company_id = '{site.company}' AND provider = '{provider}'")


def suspensions(site):
    return site.stack.postgres.psql(
        f"SELECT reason FROM media.list_suspensions() WHERE company_id = '{site.company}'").splitlines()


def photo_seconds(site, webhook, files):
    """How long a single photo takes from its webhook to its readable state."""
    url = files.add(uuid.uuid4().hex, photo(), "image/jpeg")
    begin = time.monotonic()
    site.wait_for(send(webhook, url))
    return time.monotonic() - begin


def test_a_flood_of_one_company_does_not_delay_a_photo_of_another(own_stack, graph, files):
    stack = own_stack({"server.stop_grace_seconds": 1})
    flooding, other = Site(stack, graph), Site(stack, graph)
    webhook = other.add_generic()
    flooding.add_generic()
    alone = sorted(photo_seconds(other, webhook, files) for _ in range(3))[1]
    url, account = files.add("flood", photo(), "image/jpeg"), account_of(flooding, "generic")
    for n in range(100):
        stack.postgres.psql(FLOOD.format(account=account, n=n, url=url))
    assert flooding.count("jobs") > 90_000
    busy = sorted(photo_seconds(other, webhook, files) for _ in range(5))
    assert flooding.count("jobs") > 50_000
    assert busy[2] - alone < 1.0, (alone, busy)


def test_a_slow_host_does_not_fill_the_daemon(own_stack, graph, files, slow_host):
    site = Site(own_stack({"fetch.concurrency": 4, "fetch.concurrency_per_host": 2}), graph)
    webhook = site.add_generic()
    slow_host.bytes_per_second = 10_000
    slow = send(webhook, *(slow_host.add(f"{n}", photo(60_000), "image/jpeg") for n in range(6)))
    wait_until(lambda: len(slow_host.requests) == 2, 5, "the slow downloads to begin")
    assert photo_seconds(site, webhook, files) < 2
    assert len(slow_host.requests) == 2
    items = site.wait_for_all(slow, 6, seconds=60)
    assert [item["download_attempts"] for item in items] == [1] * 6


def test_a_slow_company_does_not_fill_the_daemon(own_stack, graph, files, slow_host):
    stack = own_stack({"fetch.concurrency": 4, "fetch.concurrency_per_company": 3})
    slow, other = Site(stack, graph), Site(stack, graph)
    slow_host.bytes_per_second = 10_000
    send(slow.add_generic(), *(slow_host.add(f"{n}", photo(20_000), "image/jpeg") for n in range(9)))
    wait_until(lambda: len(slow_host.requests) == 3, 5, "the slow downloads to begin")
    assert photo_seconds(other, other.add_generic(), files) < 2
    wait_until(lambda: slow.count("blobs") == 9, 30, "the slow downloads to end")


def test_a_refused_token_keeps_the_accounts_media_until_it_is_replaced(site, graph, stack):
    refused, waiting = [site.offer() for _ in range(2)]
    graph.access_token, good_token = "another-token", graph.access_token
    try:
        site.send(refused)
        site.wait_for_error(refused["id"], "unauthorized")
        assert suspensions(site) == ["unauthorized"]
        asked = len(graph.requests_for(refused["image"]["id"]))
        site.send(waiting)
        untouched = wait_until(lambda: site.items(waiting["id"]), 5, "the second item")[0]
        time.sleep(0.3)
        assert (untouched["download_attempts"], untouched["last_error"]) == (0, None)
        assert graph.requests_for(waiting["image"]["id"]) == []
        assert len(graph.requests_for(refused["image"]["id"])) == asked
        stack.command("account", "set", "--provider", "whatsapp", "--external-id",
                      site.phone_number_id, "--secret", "access_token=another-token")
        for message in (refused, waiting):
            # One more when the double had closed the idle connection at that moment.
            assert site.wait_for(message["id"], seconds=5)["download_attempts"] <= 2
        assert suspensions(site) == []
    finally:
        graph.access_token = good_token
        stack.command("account", "set", "--provider", "whatsapp", "--external-id",
                      site.phone_number_id, "--secret", f"access_token={good_token}")


def test_a_token_that_works_again_is_found_out_by_a_single_probe(own_stack, graph):
    site = Site(own_stack(), graph)
    messages = [site.offer(faults=[("resolve", "token_expired", ALWAYS)]) for _ in range(3)]
    site.send(*messages)
    wait_until(lambda: suspensions(site), 5, "the account to be suspended")
    for message in messages:
        graph.media[message["image"]["id"]].script.clear()
    site.retry_now(site.items(messages[0]["id"])[0]["id"])
    for message in messages:
        site.wait_for(message["id"], seconds=10)
    assert suspensions(site) == []
    log = site.stack.indexer.log.read_text()
    assert log.count('"account_suspended"') == 1 and log.count('"account_resumed"') == 1


def test_a_rate_limit_holds_for_the_whole_account(own_stack, graph):
    site = Site(own_stack(), graph)
    limited = site.offer(faults=[("resolve", "rate_limited", 1)])
    site.send(limited)
    wait_until(lambda: suspensions(site), 5, "the account to be suspended")
    other = site.offer()
    site.send(other)
    for message in (limited, other):
        assert site.wait_for(message["id"])["download_attempts"] == 1
    refused_at = graph.requests_for(limited["image"]["id"], GRAPH_HOST)[0].at
    later = [graph.requests_for(limited["image"]["id"], GRAPH_HOST)[1].at,
             graph.requests_for(other["image"]["id"], GRAPH_HOST)[0].at]
    assert min(later) - refused_at >= 0.95


def test_an_outage_longer_than_all_attempts_loses_nothing(own_stack, graph, files):
    """Four attempts within two seconds, and five seconds of outage."""
    site = Site(own_stack(), graph)
    webhook = site.add_generic()
    files.status = 503
    messages = [send(webhook, *(files.add(f"{m}-{n}", photo(), "image/jpeg") for n in range(5)))
                for m in range(6)]
    wait_until(lambda: suspensions(site) == ["network"], 5, "the host to be suspended")
    asked = len(files.requests)
    time.sleep(5)
    assert len(files.requests) - asked < 10
    files.status = 200
    for message in messages:
        items = site.wait_for_all(message, 5, seconds=30)
        assert {item["download_status"] for item in items} == {"completed"}
    assert suspensions(site) == []
