"""The same with a bucket, and with answers of it that prove nothing."""

import pytest

from doubles.faults import ALWAYS
from doubles.s3_faults import S3Faults
from fsck_under_test import CheckedSite
from site_under_test import photo
from stack.process import wait_until


@pytest.fixture(scope="module")
def faults(object_store):
    proxy = S3Faults(object_store.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def bucket(object_store):
    return object_store.new_bucket()


@pytest.fixture(scope="module")
def s3_stack(stacks, quick_settings, object_store, faults, bucket, tmp_path_factory):
    key_file = object_store.access.write_key_file(tmp_path_factory.mktemp("fsck") / "s3.key")
    yield stacks.start(f"fsck-s3-{type(object_store).__name__}", quick_settings | object_store.access.settings(bucket, key_file) | {
        "storage.default": "s3", "storage.s3.endpoint": faults.endpoint})
    stacks.stop(f"fsck-s3-{type(object_store).__name__}")


@pytest.fixture
def site(s3_stack, graph, faults):
    faults.clear()
    site = CheckedSite(s3_stack, graph)
    site.receive_photo()  # an empty bucket would not be repaired
    yield site
    faults.clear()


@pytest.fixture
def stored(object_store, bucket):
    """stored(item): the bytes of it."""
    return lambda item: object_store.client.get_object(Bucket=bucket, Key=item["file_key"])["Body"].read()


def test_what_is_missing_comes_back(site, object_store, bucket, stored):
    content = photo()
    item = site.receive_photo(content)
    assert site.fsck("--checksum").status == 0
    object_store.client.delete_object(Bucket=bucket, Key=item["file_key"])
    found = site.fsck("--repair", "missing")
    assert found.status == 1 and found.kinds() == [("missing", item["file_key"])]
    assert stored(site.wait_for(item["message_id"])) == content
    assert site.fsck("--checksum").totals["s3"]["missing"] == 0


def test_other_bytes_are_found_and_replaced(site, object_store, bucket, stored):
    content = photo()
    item = site.receive_photo(content)
    object_store.client.put_object(Bucket=bucket, Key=item["file_key"], Body=content[:-1] + b"!")
    found = site.fsck("--checksum", "--repair", "corrupt")
    assert found.kinds() == [("corrupt", item["file_key"])]
    assert stored(site.wait_for(item["message_id"])) == content
    assert site.fsck("--checksum").status == 0


def test_untracked_objects_stay_for_the_grace_period(site, object_store, bucket):
    object_store.client.put_object(Bucket=bucket, Key="stray.jpg", Body=b"stray")

    def check():
        found = site.fsck("--repair", "untracked")
        return found if found.faults else None
    found = wait_until(check, 5, "the object to be old enough")
    assert found.kinds() == [("untracked", "stray.jpg")] and found.faults[0]["repair"] == "removed in 7 d"
    assert site.fsck().status == 0
    object_store.client.head_object(Bucket=bucket, Key="stray.jpg")


@pytest.mark.parametrize("fault", ["server_error", "access_denied", "cut_body", "no_such_bucket"])
def test_half_a_listing_proves_nothing(site, faults, fault):
    item = site.receive_photo()
    faults.fault(fault, ALWAYS, method="GET", query="list-type")
    found = site.fsck("--repair", "missing,untracked,size")
    assert found.status == 2 and found.faults == [] and "store s3" in found.errors
    assert site.items(item["message_id"])[0]["download_status"] == "completed"


def test_an_error_of_the_network_is_no_damage(site, faults):
    item = site.receive_photo()
    faults.fault("corrupt_body", 1, method="GET", path=item["file_key"])
    found = site.fsck("--checksum", "--repair", "corrupt")
    assert found.status == 2 and found.kinds() == [("unreadable", item["file_key"])]
    assert site.items(item["message_id"])[0]["download_status"] == "completed"
    assert site.fsck("--checksum").status == 0
