"""Media that the daemon keeps in an object store: what arrives there, and what operators do about buckets."""

import hashlib
import json
import subprocess

import pytest

from site_under_test import Site, photo
from stack.process import wait_until


@pytest.fixture
def bucket(object_store):
    return object_store.new_bucket()


@pytest.fixture
def s3_stack(own_stack, object_store, bucket, tmp_path):
    """A stack whose images go to the object store, and all else to disk."""
    key_file = object_store.access.write_key_file(tmp_path / "s3.key")
    return own_stack({"buckets.images": "s3", "deletion.grace_seconds": 1}
                     | object_store.access.settings(bucket, key_file))


def keys_of(object_store, bucket):
    return [entry["Key"] for entry in
            object_store.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_photo_goes_to_the_bucket_and_away_again(s3_stack, graph, object_store, bucket):
    site = Site(s3_stack, graph)
    content = photo()
    item = site.receive_photo(content)
    digest = hashlib.sha256(content).hexdigest()
    assert item["sha256"] == digest

    [key] = keys_of(object_store, bucket)
    stored = object_store.client.get_object(Bucket=bucket, Key=key)
    assert stored["Body"].read() == content
    assert stored["ContentType"] == "image/jpeg"
    assert stored["Metadata"]["sha256"] == digest
    assert s3_stack.postgres.psql(
        f"SELECT store || ' ' || storage_key FROM media.blobs WHERE sha256 = '\\x{digest}'") == f"s3 {key}"
    assert not list((s3_stack.home / "media" / site.company).rglob("*")), "nothing is left on disk"

    story = json.loads(s3_stack.command("explain", item["id"], "--verify", "--json"))
    assert story[0]["places"][0]["state"] == "present"

    again = site.receive_photo(content)
    assert again["sha256"] == digest and keys_of(object_store, bucket) == [key]

    voice = site.offer(b"OggS" + bytes(200), "audio", "audio/ogg; codecs=opus")
    site.send(voice)
    site.wait_for(voice["id"])
    assert keys_of(object_store, bucket) == [key], "audio stays on disk"

    for one in (item, again):
        s3_stack.postgres.psql(f"SELECT media.delete_media('{site.company}', '{one['id']}', NULL, 'test')")
    wait_until(lambda: not keys_of(object_store, bucket), 20, "the object to be swept")


@pytest.fixture
def buckets(stack, tmp_path):
    """buckets(settings, arguments...): the command with a configuration of its own."""
    from stack.settings import to_toml

    def run(settings, *arguments):
        config = tmp_path / "indexer.toml"
        config.write_text(to_toml(stack.indexer.settings() | settings))
        return subprocess.run([str(stack.programs.indexer), "buckets", *arguments, "--config", str(config)],
                              capture_output=True, text=True, timeout=60)
    return run


def test_a_bucket_is_made_once_private_and_with_its_rules(buckets, object_store, bucket, tmp_path):
    key_file = object_store.access.write_key_file(tmp_path / "s3.key")
    settings = object_store.access.settings(f"made-{bucket}", key_file)
    missing = buckets(settings, "check")
    assert missing.returncode == 1 and "does not exist" in missing.stderr

    made = buckets(settings, "create")
    assert made.returncode == 0 and made.stdout.endswith(": made\n"), made.stderr
    there = buckets(settings, "create")
    assert there.returncode == 0 and there.stdout.endswith(": was there\n"), there.stderr
    assert buckets(settings, "check").returncode == 0
    assert keys_of(object_store, f"made-{bucket}") == []
    for answer in (missing, made, there):
        assert object_store.access.secret_key not in answer.stdout + answer.stderr


def test_ceph_drops_orphaned_uploads_and_lets_the_named_pages_in(buckets, ceph, tmp_path):
    bucket = ceph.new_bucket()
    key_file = ceph.access.write_key_file(tmp_path / "s3.key")
    made = buckets(ceph.access.settings(bucket, key_file), "create", "--cors-origin", "https://app.example.com")
    assert made.returncode == 0 and "warning" not in made.stderr, made.stderr
    [rule] = ceph.client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7
    [cors] = ceph.client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert cors["AllowedOrigins"] == ["https://app.example.com"] and "PUT" not in cors["AllowedMethods"]


def test_a_public_bucket_that_should_be_private_is_refused(buckets, ceph, tmp_path):
    bucket = ceph.new_bucket()
    ceph.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    settings = ceph.access.settings(bucket, ceph.access.write_key_file(tmp_path / "s3.key"))
    for command in ("create", "check"):
        refused = buckets(settings, command)
        assert refused.returncode == 1 and "can be read by everybody" in refused.stderr
    public = buckets(settings | {"storage.s3.visibility": "public"}, "create")
    assert public.returncode == 0, public.stderr
