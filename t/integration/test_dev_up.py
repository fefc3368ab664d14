"""./dev up and ./dev down, as people call them."""

import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from stack import Stack, process
from stack.object_store import S3Access

DEV = Path(__file__).resolve().parents[2] / "dev"


def dev(*arguments, **options):
    return subprocess.run([str(DEV), *map(str, arguments)], capture_output=True, text=True,
                          timeout=100, **options)


def sourced(env_file):
    """The variables as a shell sees them."""
    done = subprocess.run(["sh", "-c", f"set -a; . {shlex.quote(str(env_file))}; env -0"],
                          capture_output=True, text=True, check=True, env={})
    return dict(line.partition("=")[::2] for line in done.stdout.split("\0") if line)


@pytest.fixture
def directory(tmp_path):
    """A directory with a space in it, whose stack is stopped whatever happens."""
    path = tmp_path / "my stack"
    yield path
    if (path / "stack.json").exists():
        Stack(path).down()


def test_a_stack_comes_up_healthy_and_goes_without_a_trace(directory):
    done = dev("up", "--dir", directory)
    assert done.returncode == 0, done.stderr
    env = sourced(directory / "env")
    for name in ("MEDIA_URL", "MEDIA_INDEXER_SOCKET", "MEDIA_DATABASE", "MEDIA_ROOT",
                 "MEDIA_JWT_SECRET", "MEDIA_CONFIG", "MEDIA_LINK_KEY_FILE", "MEDIA_LINK_KEY_ID", "MEDIA_NGINX_CONF", "MEDIA_LOG_DIR",
                 "MEDIA_INDEXER", "MEDIA_MODULE"):
        assert env[name], name
    assert requests.get(env["MEDIA_URL"] + "/api/v1/media/x", timeout=5).status_code == 401
    version = subprocess.run(
        ["psql", "-XAtd", env["MEDIA_DATABASE"], "-c", "SELECT media.schema_version()"],
        capture_output=True, text=True)
    assert int(version.stdout) >= 1
    pids = [int((directory / "run" / f"{name}.pid").read_text().split()[0])
            for name in ("indexer", "nginx", "postgres")]
    assert all(map(process.is_alive, pids))

    done = dev("down", "--dir", directory)
    assert done.returncode == 0, done.stderr
    assert not any(map(process.is_alive, pids))
    assert not process.stack_processes(directory)
    assert (directory / "postgres").is_dir()


def test_up_again_starts_only_what_is_not_running(directory):
    assert dev("up", "--dir", directory, "--set", "fetch.concurrency=3").returncode == 0
    stack = Stack(directory)
    env = (directory / "env").read_text()
    before = {"nginx": stack.nginx_pid(), "postgres": stack.postgres.pid()}
    os.kill(stack.indexer.pid(), signal.SIGKILL)
    process.wait_until(lambda: not stack.indexer.pid(), 5, "the indexer's death")

    assert dev("up", "--dir", directory).returncode == 0
    assert {"nginx": stack.nginx_pid(), "postgres": stack.postgres.pid()} == before
    assert stack.indexer.pid()
    assert (directory / "env").read_text() == env
    assert "concurrency = 3" in stack.indexer.config.read_text()


def test_data_outlives_a_stop(directory):
    assert dev("up", "--dir", directory).returncode == 0
    company = Stack(directory).command("company", "add", "Lasting")
    assert dev("down", "--dir", directory).returncode == 0
    assert dev("up", "--dir", directory).returncode == 0
    assert Stack(directory).postgres.psql("SELECT id FROM media.companies") == company


def test_two_stacks_run_side_by_side(directory, tmp_path):
    second = tmp_path / ("a-directory-with-a-rather-long-name-" * 3)
    assert dev("up", "--dir", directory).returncode == 0
    assert dev("up", "--dir", second).returncode == 0
    one, two = Stack(directory), Stack(second)
    assert one.port != two.port
    one.command("company", "add", "Only here")
    assert two.postgres.psql("SELECT count(*) FROM media.companies") == "0"
    assert dev("down", "--dir", second, "--purge").returncode == 0
    assert not second.exists()
    assert requests.get(one.url + "/api/v1/media/x", timeout=5).status_code == 401


def test_a_stack_with_an_object_store_keeps_its_objects(directory):
    done = dev("up", "--dir", directory, "--s3")
    assert done.returncode == 0, done.stderr
    env = sourced(directory / "env")
    bucket = env["S3_BUCKET"]
    access = S3Access(env["S3_ENDPOINT"], env["S3_REGION"], env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"])
    access.client().put_object(Bucket=bucket, Key="kept", Body=b"bytes")
    assert f'bucket = "{bucket}"' in Stack(directory).indexer.config.read_text()
    assert f"bucket={bucket} " in (directory / "nginx" / "stores.conf").read_text()

    assert dev("down", "--dir", directory).returncode == 0
    assert not process.stack_processes(directory)
    assert dev("up", "--dir", directory).returncode == 0
    again = sourced(directory / "env")
    assert again["S3_ENDPOINT"] == env["S3_ENDPOINT"]
    answer = access.client().get_object(Bucket=bucket, Key="kept")
    assert answer["Body"].read() == b"bytes"


def test_a_wrong_setting_is_told_and_leaves_nothing_running(directory):
    done = dev("up", "--dir", directory, "--set", "fetch.concurency=3")
    assert done.returncode == 1
    assert "concurency" in done.stderr
    assert not process.stack_processes(directory)


@pytest.mark.parametrize("arguments", [
    ["up"], ["down"], ["up", "--dir"], ["up", "--dir", "x", "--port", "many"],
    ["up", "--dir", "x", "--set", "concurrency"],
    ["down", "--dir", "/nonexistent"], ["fly"], ["bench", "everything"], ["test", "nothing"]],
    ids=" ".join)
def test_wrong_usage_is_explained(arguments, tmp_path):
    done = dev(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_named(directory, stack):
    done = dev("up", "--dir", directory, "--port", stack.port)
    assert done.returncode == 1 and str(stack.port) in done.stderr
    assert not process.stack_processes(directory)
