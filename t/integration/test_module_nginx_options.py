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
