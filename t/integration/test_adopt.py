"""`media-indexer adopt`: files of a site that was there before become media, and keep their URLs."""

import json
import os
import subprocess

import pytest
from site_under_test import Site, photo

LOCATION = "location ~ ^/uploads/(.+)$ { media_key $1; }\n"


class LegacySite:
    """A site with a table of photos and their files, and the commands of its operator."""

    def __init__(self, site, directory):
        self.site = site
        self.stack = site.stack
        self.directory = directory
        self.contents = {}
        self.psql = site.stack.postgres.psql
        self.psql("DROP TABLE IF EXISTS public.\"Photos\"; CREATE TABLE public.\"Photos\" (photo_id int PRIMARY KEY,"
                  " file text, type text, owner text, title text, taken timestamptz);"
                  "GRANT SELECT ON public.\"Photos\" TO media_indexer")

    def add(self, number, path, content, mime_type="image/jpeg", owner=None):
        file = self.directory / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            file.write_bytes(content)
            file.chmod(0o644)
        self.contents[path.lstrip("/")] = content
        self.psql(f"INSERT INTO public.\"Photos\" VALUES ({number}, '{path}', '{mime_type}',"
                  f" '{owner or self.site.company}', 'photo {number}.jpg', '2019-05-04 10:00Z')")

    def adopt(self, *arguments, columns="id=photo_id,path=file,mime=type,company=owner,name=title,created=taken"):
        return subprocess.run(
            [str(self.stack.programs.indexer), "adopt", "--table", "public.Photos", "--columns", columns,
             "--root", str(self.directory), *arguments, "--config", str(self.stack.indexer.config)],
            capture_output=True, text=True, timeout=60)

    def totals(self, *arguments, status=0):
        done = self.adopt("--json", *arguments)
        assert done.returncode == status, done.stderr
        totals = json.loads(done.stdout)
        assert totals["found"] == sum(totals[name] for name in ("adopted", "shared", "already_there", "failed"))
        return totals

    def served(self, path):
        answer = self.site.get(f"/uploads/{path}")
        return answer.content if answer.status_code == 200 else answer.status_code


@pytest.fixture(scope="module")
def stack_with_keys(stacks, quick_settings):
    stack = stacks.start("adopt", quick_settings | {"deletion.grace_seconds": 3600}, LOCATION)
    yield stack
    stacks.stop("adopt")


@pytest.fixture
def legacy(stack_with_keys, tmp_path):
    tmp_path.chmod(0o755)
    return LegacySite(Site(stack_with_keys), tmp_path)


@pytest.mark.parametrize("how", ["--link", "--copy"])
def test_files_are_taken_over_and_keep_their_urls(legacy, how):
    prefix = how.strip("-")
    paths = [f"{prefix}/2019/05/{number}.jpg" for number in range(1, 4)]
    for number, path in enumerate(paths, 1):
        legacy.add(number, f"/{path}", photo(20_000))
    assert legacy.totals("--dry-run", how) == {
        "dry_run": True, "found": 3, "adopted": 3, "shared": 0, "already_there": 0, "failed": 0, "renamed": 0,
        "bytes": 60_000, "failures": []}
    assert legacy.site.count("media_files") == 0
    assert legacy.totals(how)["adopted"] == 3
    for path in paths:
        assert legacy.served(path) == legacy.contents[path]
        old, new = legacy.directory / path, legacy.stack.root / path
        assert os.path.samefile(old, new) == (how == "--link")
    rows = legacy.psql("SELECT DISTINCT download_status, mime_type, file_type, created_at, left(file_name, 5) FROM media.media_files"
                       f" WHERE company_id = '{legacy.site.company}'")
    assert rows == "completed|image/jpeg|image|2019-05-04 10:00:00+00|photo"


def test_again_only_what_is_new_is_adopted(legacy):
    legacy.add(1, "again/1.jpg", photo(20_000))
    assert legacy.totals("--copy")["adopted"] == 1
    legacy.add(2, "again/2.jpg", photo(20_000))
    totals = legacy.totals("--copy")
    assert (totals["adopted"], totals["already_there"]) == (1, 1)
    assert legacy.site.count("media_files") == 2
    table = legacy.adopt("--copy").stdout
    assert [line.split()[-1] for line in table.splitlines()[1:6]] == ["2", "0", "0", "2", "0"]


def test_the_same_bytes_are_stored_once_and_found_under_both_paths(legacy):
    content = photo(20_000)
    legacy.add(1, "same/one.jpg", content)
    legacy.add(2, "same/two.jpg", content)
    totals = legacy.totals("--link")
    assert (totals["adopted"], totals["shared"]) == (1, 1)
    assert legacy.site.count("blobs") == 1
    assert legacy.served("same/one.jpg") == legacy.served("same/two.jpg") == content


def test_what_cannot_be_adopted_is_told_with_the_reason(legacy):
    legacy.add(1, "bad/good.jpg", photo(20_000))
    legacy.add(2, "bad/missing.jpg", None)
    legacy.add(3, "bad/empty.jpg", b"")
    legacy.add(4, "bad/page.jpg", b"<!DOCTYPE html><html><body>log in</body></html>")
    legacy.add(5, "bad/foreign.jpg", photo(20_000), owner="nobody")
    legacy.psql("INSERT INTO public.\"Photos\" VALUES (6, '../../etc/passwd', NULL, '" + legacy.site.company + "')")
    (legacy.directory / "bad/link.jpg").symlink_to("/etc/passwd")
    legacy.psql("INSERT INTO public.\"Photos\" VALUES (7, 'bad/link.jpg', NULL, '" + legacy.site.company + "')")
    totals = legacy.totals("--copy", status=1)
    assert (totals["adopted"], totals["failed"]) == (1, 6)
    reasons = {failure["id"]: failure["reason"].split(":")[0] for failure in totals["failures"]}
    assert reasons == {"2": "not_found", "3": "empty", "4": "unexpected_html", "5": "not_found",
                       "6": "invalid_argument", "7": "storage"}
    done = legacy.adopt("--copy")
    assert done.returncode == 1
    assert "bad/empty.jpg (id 3): empty: it has no bytes" in done.stderr
    assert legacy.served("bad/good.jpg") == legacy.contents["bad/good.jpg"]


def test_names_of_tables_and_columns_are_checked(legacy):
    for columns, message in [
            ("id=photo_id,path=file;DROP TABLE x,company=owner", "'file;DROP TABLE x' is no name"),
            ("id=photo_id,path=nothing,company=owner", 'has no column "nothing"'),
            ("id=file,path=file,company=owner", 'column "file" needs a unique index'),
            ("id=photo_id,path=file", "needs either company=COLUMN in --columns or --company"),
            ("photo_id,file", "--columns takes id=COLUMN")]:
        done = legacy.adopt("--copy", columns=columns)
        assert done.returncode != 0
        assert message in done.stderr


def test_a_company_can_be_given_for_all_rows(legacy):
    legacy.add(1, "given/1.jpg", photo(20_000), owner="somebody")
    done = legacy.adopt("--copy", "--company", legacy.site.company, columns="id=photo_id,path=file")
    assert done.returncode == 0, done.stderr
    assert legacy.served("given/1.jpg") == legacy.contents["given/1.jpg"]
    assert Site(legacy.stack).get("/uploads/given/1.jpg").status_code == 404
