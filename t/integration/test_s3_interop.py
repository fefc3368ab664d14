"""What our S3 backend writes, boto3 reads, and the reverse: at Ceph and at Swift."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest

from storage_tool import StorageTool

MIB = 1 << 20
KEYS = {
    "plain": "0190/wa/2026/11/wamid-0.jpg",
    "spaces": " a b  c ",
    "percent": "100%25 %2F.jpg",
    "plus": "a+b%2Bc",
    "signs": "a=b&c=d;e,f:g@h$i!j*k(l)",
    "hash": "a#b?c#d",
    "quotes": "it's \"quoted\" `so` <b>&amp;</b>",
    "brackets": "[a]{b}|c^d~e_f-g",
    "latin": "Größe/naïve café.png",
    "decomposed": "cafe\u0301.png",
    "cjk": "写真/日本語の鍵/한국어.jpg",
    "emoji": "😀/👩‍👩‍👧‍👦🏳️‍🌈.webp",
    "rtl": "صورة/תמונה.jpg",
    "dots": "a.../...b/c..d",
    "long": "/".join(["x" * 200] * 5) + "/" + "y" * 19,
    "long_utf8": "/".join(["日" * 66] * 5) + "/" + "日" * 8 + ".jpeg",
}


@pytest.fixture(scope="module")
def bucket(object_store):
    return object_store.new_bucket()


@pytest.fixture(scope="module")
def ours(object_store, bucket, tmp_path_factory):
    tool = StorageTool(tmp_path_factory.mktemp("ours"), object_store.access, bucket,
                       multipart_threshold_bytes=5 * MIB, part_bytes=5 * MIB)
    yield tool
    tool.close()


@pytest.fixture
def content(tmp_path):
    """A function that makes a file of random bytes: its path, and the bytes."""
    def make(size=1000):
        path = tmp_path / os.urandom(4).hex()
        path.write_bytes(os.urandom(size))
        return str(path), path.read_bytes()
    return make


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(params=KEYS.values(), ids=KEYS.keys())
def key(request):
    return request.param


def keys_of(store, bucket):
    return [item["Key"] for item in store.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_boto3_reads_what_we_wrote(object_store, bucket, ours, key, content):
    path, data = content()
    assert ours("publish", key, file=path, content_type="image/webp")["key"] == key
    answer = object_store.client.get_object(Bucket=bucket, Key=key)
    assert answer["Body"].read() == data
    assert answer["ContentType"] == "image/webp"
    assert answer["Metadata"]["sha256"] == sha256(data)
    assert keys_of(object_store, bucket) == [key]
    assert "error" not in ours("remove", key)
    assert keys_of(object_store, bucket) == []


def test_we_read_what_boto3_wrote(object_store, bucket, ours, key, content):
    _, data = content()
    object_store.client.put_object(Bucket=bucket, Key=key, Body=data, ContentType="audio/ogg")
    info = ours("stat", key)
    assert (info["size"], info["content_type"]) == (1000, "audio/ogg")
    assert "sha256" not in info
    answer = ours("retrieve", key)
    assert (answer["size"], answer["sha256"]) == (1000, sha256(data))
    assert ours("list", key)["keys"] == [key]
    object_store.client.delete_object(Bucket=bucket, Key=key)
    assert "error" in ours("stat", key)


def test_names_and_accounts_are_kept_beside_the_bytes(object_store, bucket, ours, content):
    path, _ = content()
    ours("publish", "named", file=path, content_type="application/pdf", account="account 1",
         file_name="Größe 日本+%.pdf")
    metadata = object_store.client.head_object(Bucket=bucket, Key="named")["Metadata"]
    assert unquote(metadata["filename"]) == "Größe 日本+%.pdf"
    assert unquote(metadata["account"]) == "account 1"


def test_boto3_reads_our_parts(object_store, bucket, ours, content):
    path, data = content(11 * MIB)
    ours("publish", "parts/ours", file=path, content_type="video/mp4")
    answer = object_store.client.get_object(Bucket=bucket, Key="parts/ours")
    assert sha256(answer["Body"].read()) == sha256(data)
    assert answer["ETag"].strip('"').endswith("-3")
    assert (answer["ContentType"], answer["Metadata"]["sha256"]) == ("video/mp4", sha256(data))


def test_we_read_the_parts_of_boto3(object_store, bucket, ours, content):
    from boto3.s3.transfer import TransferConfig
    path, data = content(11 * MIB)
    parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    object_store.client.upload_file(path, bucket, "parts/theirs", Config=parts)
    assert ours("retrieve", "parts/theirs")["sha256"] == sha256(data)


def test_the_same_bytes_are_adopted_and_others_get_another_key(object_store, bucket, ours, content):
    first, _ = content()
    other, data = content()
    assert ours("publish", "taken/x.jpg", file=first)["key"] == "taken/x.jpg"
    assert ours("publish", "taken/x.jpg", file=first)["key"] == "taken/x.jpg"
    variant = ours("publish", "taken/x.jpg", file=other)["key"]
    assert variant != "taken/x.jpg"
    answer = object_store.client.get_object(Bucket=bucket, Key=variant)
    assert answer["Body"].read() == data


def test_a_listing_of_many_pages_has_every_key_once(ceph, tmp_path):
    bucket = ceph.new_bucket()
    tool = StorageTool(tmp_path, ceph.access, bucket)
    expected = [f"many/{number:04}" for number in range(1010)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: ceph.client.put_object(Bucket=bucket, Key=key, Body=b"x"), expected))
    assert sorted(tool("list", "many/")["keys"]) == expected
    tool.close()


def test_the_bucket_may_be_a_part_of_the_host_name(object_store, bucket, tmp_path, content):
    endpoint = object_store.endpoint.replace("127.0.0.1", "localhost")
    tool = StorageTool(tmp_path, object_store.access, bucket, endpoint=endpoint, style="virtual")
    path, data = content()
    assert tool("publish", "virtual/a b.jpg", file=path) == {"key": "virtual/a b.jpg", "line": 0}
    answer = object_store.client.get_object(Bucket=bucket, Key="virtual/a b.jpg")
    assert answer["Body"].read() == data
    tool.close()


@pytest.mark.parametrize("is_trusted", [True, False])
def test_the_certificate_of_the_store_is_verified(ceph, authority, tmp_path, content, is_trusted):
    bucket = ceph.new_bucket()
    ca_file = {"ca_file": str(authority.ca_file)} if is_trusted else {}
    tool = StorageTool(tmp_path, ceph.access, bucket, endpoint=ceph.tls_endpoint, **ca_file)
    path, _ = content()
    assert ("error" in tool("publish", "a", file=path)) is not is_trusted
    assert keys_of(ceph, bucket) == ["a"] * is_trusted
    tool.close()


def test_the_longest_keys_have_1024_bytes():
    assert [len(KEYS[name].encode()) for name in ("long", "long_utf8")] == [1024, 1024]
