"""fsck repairs while photos come, are deleted, restored and swept: whatever is shown has its bytes."""

import contextlib
import os
import random
import time

import pytest
import requests

from fsck_under_test import CheckedSite, make_older
from loop import Loop
from site_under_test import photo
from stack.process import wait_until

PHOTOS = 160
BATCH = 8


def all_files(site):
    for directory, _, names in os.walk(site.stack.root / site.company):
        for name in names:
            yield os.path.join(directory, name)


def make_all_older(site):
    """So that fsck takes what is being recorded for forgotten."""
    for path in all_files(site):
        with contextlib.suppress(FileNotFoundError):
            make_older(path)
    time.sleep(0.01)


def change(site, item, is_active):
    path, method = ("/restore", "POST") if is_active else ("", "DELETE")
    answer = requests.request(method, f"{site.stack.url}/api/v1/media/{item}{path}", timeout=10,
                              headers={"Authorization": f"Bearer {site.token}"})
    assert answer.status_code in (200, 204)


@pytest.mark.timeout(180)
@pytest.mark.log_noise("indexer", "media_download_failed")
def test_no_live_bytes_are_lost_in_the_middle_of_ingest_and_deletions(own_stack, graph, record_property):
    seed = int(os.environ.get("MEDIA_FSCK_SEED", time.time()))
    print(f"MEDIA_FSCK_SEED={seed}")
    chance = random.Random(seed)
    site = CheckedSite(own_stack({"deletion.grace_seconds": 1, "fetch.max_attempts": 50}), graph)
    twins = [photo(20_000) for _ in range(10)]
    content_of, is_active, findings = {}, {}, []
    site.receive_photo(twins[0])

    def check():
        findings.append(site.fsck("--repair", "missing,size,untracked"))
        with contextlib.suppress(FileNotFoundError):
            site.stray(f"stray-{len(findings)}.jpg")

    with Loop(check), Loop(lambda: make_all_older(site)):
        while len(content_of) < PHOTOS:
            contents = [chance.choice([photo(20_000), *twins]) for _ in range(BATCH)]
            messages = [site.offer(content) for content in contents]
            site.send(*messages)
            for message, content in zip(messages, contents):
                item = wait_until(lambda: site.items(message["id"]), 5, "the item")[0]["id"]
                content_of[item], is_active[item] = content, True
            for item in chance.sample(list(content_of), BATCH):
                is_active[item] = not is_active[item]
                change(site, item, is_active[item])
        wait_until(lambda: site.count("jobs") == 0, 60, "all downloads to end")

    assert all(found.status in (0, 1) for found in findings), [found.errors for found in findings]
    assert {kind for found in findings for kind, _ in found.kinds()} == {"untracked"}
    for item, content in content_of.items():
        answer = site.get(f"/media/{item}")
        assert answer.status_code == (200 if is_active[item] else 404), item
        assert not is_active[item] or answer.content == content
    record_property("checks", len(findings))

    make_all_older(site)
    site.repair("untracked")
    wait_until(lambda: len(list(all_files(site))) == site.count("blobs", "state = 'live'"), 30,
               "what nobody knows to go")
    assert site.fsck("--checksum").status == 0
