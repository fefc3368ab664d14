"""Backups in a bucket, of media in a bucket, and restored to a bucket or to disk."""

import json
import subprocess

from backup_under_test import adds_up, empty
from site_under_test import Site, photo
from test_object_storage import keys_of


def test_a_bucket_holds_backups_as_a_directory_does(own_stack, graph, object_store, tmp_path):
    key_file = object_store.access.write_key_file(tmp_path / "s3.key")
    media, archive = object_store.new_bucket(), object_store.new_bucket()
    stack = own_stack({"buckets.images": "s3", "storage.archive.type": "s3"}
                      | object_store.access.settings(media, key_file)
                      | object_store.access.settings(archive, key_file, "storage.archive"))
    site = Site(stack, graph)
    photos = {item["id"]: content for content in (photo(), photo())
              for item in [site.receive_photo(content)]}

    def run(*arguments):
        return subprocess.run(
            [str(stack.programs.indexer), *arguments, "--json", "--conninfo", stack.postgres.conninfo(),
             "--config", str(stack.indexer.config)], capture_output=True, text=True, timeout=60)

    def report(*arguments):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    refused = run("backup", "--to", "store:s3")
    assert refused.returncode == 1 and "for media" in refused.stderr
    first = report("backup", "--to", "store:archive")
    assert adds_up(first) and first["written"]["files"] == 2
    again = report("backup", "--to", "store:archive", "--verify", "--keep", "1")
    assert adds_up(again) and again["present"]["files"] == again["verified"]["files"] == 2
    assert {key.split("/")[1] for key in keys_of(object_store, archive) if key.startswith("snapshots/")} \
        == {again["snapshot"]}

    keys = keys_of(object_store, media)
    for into in ([], ["--into", "local"]):
        empty(stack)
        for key in keys_of(object_store, media):
            object_store.client.delete_object(Bucket=media, Key=key)
        assert report("restore", "--from", "store:archive", *into)["written"]["files"] == 2
        stack.indexer.start()
        assert sorted(keys_of(object_store, media)) == ([] if into else sorted(keys))
    for item, content in photos.items():
        assert site.get(f"/media/{item}").content == content
