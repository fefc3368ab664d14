"""kill -9 while media are deleted, restored and swept: what is live keeps its bytes, the rest leaves none."""

import contextlib
import hashlib
import os
import random
import time

import pytest
import requests

from site_under_test import Site, photo
from stack.process import wait_until
from test_crash import Killer

PHOTOS = 60
KILLS = 20


def change(site, item, is_active):
    """Deletes or restores, as often as it takes: the daemon may be down."""
    path, method = ("/restore", "POST") if is_active else ("", "DELETE")

    def done():
        try:
            answer = requests.request(method, f"{site.stack.url}/api/v1/media/{item}{path}", timeout=10,
                                      headers={"Authorization": f"Bearer {site.token}"})
            return answer.status_code in (200, 204)
        except requests.RequestException:
            return False
    wait_until(done, 60, f"{method} of {item}")


def digests_of(site):
    """Of all that is stored. A file may go while it is looked at."""
    digests = []
    for path in site.stored_files():
        with contextlib.suppress(FileNotFoundError):
            digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    return sorted(digests)


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.log_noise("postgres", "connection to client lost|unexpected EOF|could not (send|receive)")
@pytest.mark.log_noise("indexer", "media_download_failed")
@pytest.mark.log_noise("nginx", "upstream|connect")
def test_live_media_keep_their_bytes_when_the_sweeper_is_killed(own_stack, graph, record_property):
    seed = int(os.environ.get("MEDIA_CRASH_SEED", time.time()))
    print(f"MEDIA_CRASH_SEED={seed}")
    chance = random.Random(seed)
    stack = own_stack({"fetch.lease_seconds": 2, "fetch.max_attempts": 50, "deletion.grace_seconds": 1})
    site = Site(stack, graph)
    # A third of the photos have the bytes of another.
    twins = [photo(20_000) for _ in range(10)]
    contents = [chance.choice(twins) if i % 3 == 0 else photo(20_000) for i in range(PHOTOS)]
    messages = [site.offer(content) for content in contents]
    site.send(*messages)
    content_of = {site.wait_for(message["id"])["id"]: content
                  for message, content in zip(messages, contents)}
    is_active = dict.fromkeys(content_of, True)

    killer = Killer(stack, seed)
    killer.start()
    while killer.kills < KILLS and not killer.failure:
        item = chance.choice(list(is_active))
        is_active[item] = not is_active[item]
        change(site, item, is_active[item])
    killer.enough.set()
    killer.join()
    assert killer.failure is None

    wait_until(lambda: site.count("jobs") == 0, 90, "what was restored to be fetched again")
    live = {content_of[item] for item in is_active if is_active[item]}
    for item, content in content_of.items():
        answer = site.get(f"/media/{item}")
        assert answer.status_code == (200 if is_active[item] else 404), item
        assert not is_active[item] or answer.content == content
    expected = sorted(hashlib.sha256(content).hexdigest() for content in live)
    wait_until(lambda: digests_of(site) == expected, 60, "the files of the deleted to go")
    assert site.count("blobs", "state = 'live'") == len(live)
    record_property("kills", killer.kills)
