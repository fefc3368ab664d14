"""fsck repairs both stores while files move between them, come, and are read: none is lost."""

import pytest

from loop import Loop
from migration_under_test import MovingSite, Readers, two_stores
from stack.process import wait_until

ROUNDS = 4
PHOTOS = 10


@pytest.fixture
def site(own_stack, graph, object_store, tmp_path):
    """Beside it, other companies have a file in each store: fsck repairs none that nobody has anything in."""
    bucket = object_store.new_bucket()
    settings, store = two_stores(object_store, bucket, tmp_path)
    # Long enough for who was just sent to the old place.
    settings["deletion.grace_seconds"] = 5
    stack = own_stack(settings, http_config=store)
    site, here, there = (MovingSite(stack, graph, object_store, bucket) for _ in range(3))
    here.receive(1)
    there.receive(1)
    there.migrate()
    return site


@pytest.mark.timeout(240)
def test_no_live_bytes_are_lost_in_the_middle_of_a_migration(site):
    site.receive(PHOTOS)
    findings = []
    check = Loop(lambda: findings.append(site.fsck("--repair", "missing,size,untracked")))
    with Readers(site) as readers, check:
        for _ in range(ROUNDS):
            for stores in ({}, {"from_store": "s3", "to_store": "local"}):
                before = check.rounds
                site.receive(PHOTOS)
                totals = site.migrate(**stores)
                assert totals["failed"]["files"] == 0
                wait_until(lambda: check.rounds > before + 1, 30, "a whole fsck after it")
    assert readers.wrong == []
    assert readers.reads > 0
    assert not [found.errors for found in findings if found.status > 1]
    assert {kind for found in findings for kind, _ in found.kinds()} <= {"untracked"}
    site.all_are_served()
    assert site.stores() == {"local": len(site.contents)}
    wait_until(lambda: not site.objects(), 30, "the copies left behind to go")
    assert site.fsck("--checksum").status == 0
