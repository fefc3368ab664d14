"""nginx's options for static files hold for media: the twins agree under each of them."""

import pytest

import generated_requests as generated
from site_under_test import photo
from twins import OPTIONS, Twins, request

pytestmark = pytest.mark.module

SIZE = 40 << 10


@pytest.fixture(scope="module")
def items(site):
    letter = site.offer(b"A boat is a boat.\n" * 200, "document", "text/plain", filename="a.txt")
    site.send(letter)
    return {"text": site.wait_for(letter["id"]), "photo": site.receive_photo(photo(SIZE))}


@pytest.mark.parametrize("kind", ["photo", "text"])
@pytest.mark.parametrize("option", OPTIONS)
def test_the_twins_agree(site, items, option, kind):
    pair = Twins(site, items[kind], option)
    answers = pair.check(generated.mixtures(f"{option} {kind}", 60, items[kind]["file_size"]))
    assert answers
    pair.check([request("GET", [("Range", "bytes=0-0,5-9")]), request("GET"), request("HEAD")])


@pytest.mark.parametrize("option, status", [("plain", 200), ("no_symlinks", 403)])
def test_a_symbolic_link_is_followed_where_it_may_be(site, option, status):
    item = site.receive_photo()
    pair = Twins(site, item, option)
    path = site.stack.root / item["file_key"]
    path.symlink_to(path.rename(path.with_suffix(".moved")))
    answers = pair.check([request("GET"), request("HEAD"), request("GET", [("Range", "bytes=5-9")])])
    assert {answer.status for answer in answers} == ({200, 206} if status == 200 else {403})


@pytest.mark.parametrize("option", ["plain", "gzip", "error_page"])
def test_a_file_that_is_gone_is_gone_for_both(site, option):
    item = site.receive_photo()
    pair = Twins(site, item, option)
    (site.stack.root / item["file_key"]).unlink()
    answers = pair.check([request("GET"), request("HEAD"), request("GET", [("If-None-Match", "*")])])
    assert {answer.status for answer in answers} == {404}
