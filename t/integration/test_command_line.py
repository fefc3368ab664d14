"""The operator's commands of media-indexer."""

import os
import pathlib
import re
import subprocess
import time
import uuid

import psycopg
import pytest

from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, text_message, to_wire
from site_under_test import APP_SECRET, Site
from stack.process import wait_until


def test_a_site_is_set_up_from_the_command_line(run, stack):
    name = f"Company {uuid.uuid4()}"
    company = run("company", "add", name).stdout
    assert uuid.UUID(company.strip())
    user = run("user", "add", "--company", name, "Grace").stdout
    assert uuid.UUID(user.strip())
    account = run("account", "add", "--company", name, "--provider", "whatsapp", "--external-id",
                  str(time.time_ns()), "--secret", "app_secret=a", "--secret", "access_token=b",
                  "--secret", "verify_token=c")
    assert re.fullmatch(rf"http://localhost:{stack.port}/webhooks/whatsapp/\d+\n", account.stdout)
    token = run("token", "--user", "Grace", "--company", name, "--ttl", "1h").stdout
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", token)


def test_a_token_lives_as_long_as_was_asked(site):
    token = site.token_for(site.user, ttl="1s")
    assert site.get("/api/v1/media/x", token).status_code != 401
    deadline = time.monotonic() + 5
    while site.get("/api/v1/media/x", token).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("ttl", ["0", "-1h", "soon", "1y2", ""])
def test_a_wrong_lifetime_is_a_usage_error(run, site, ttl):
    done = run("token", "--user", site.user, "--company", site.company, f"--ttl={ttl}")
    assert done.returncode == 2 and done.stdout == "" and done.stderr


@pytest.mark.parametrize("arguments", [
    [], ["dance"], ["company"], ["company", "add"], ["company", "remove", "x"], ["user", "add"],
    ["user", "add", "Grace"], ["account", "add"],
    ["account", "set"], ["account", "set", "--provider", "twilio", "--external-id", "x",
                         "--setting", "acknowledge=yes"], ["token"], ["serve", "--loudly"],
    ["check", "extra"], ["session", "revoke"], ["session", "list"], ["link"],
    ["link", "/a", "--prefix"], ["link", "/a", "--address", "here"]], ids=" ".join)
def test_wrong_usage_is_explained_on_stderr(run, arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == "" and len(done.stderr) > 10


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["version"], ["--version"]])
def test_help_and_version_need_no_config(run, arguments):
    done = run(*arguments, config=False, env={})
    assert done.returncode == 0 and done.stdout


def test_an_unknown_company_user_or_provider_is_an_error(run, site):
    for arguments in (
            ["user", "add", "--company", "nobody knows", "Grace"],
            ["token", "--user", "nobody", "--company", site.company],
            ["session", "open", "--user", "nobody", "--company", site.company],
            ["session", "list", "--user", "nobody"],
            ["session", "revoke", "no-such-token"],
            ["session", "revoke", "half.a-jwt"],
            ["account", "add", "--company", site.company, "--provider", "pigeon",
             "--external-id", "1", "--secret", "a=b"]):
        done = run(*arguments)
        assert done.returncode in (1, 2) and done.stdout == "" and done.stderr


def test_secrets_of_an_account_are_replaced(run, site):
    name = str(time.time_ns())
    url = site.add_account("whatsapp", name, app_secret="one", access_token="t", verify_token="v")
    hook = WhatsAppWebhook(url, "two")
    body = to_wire(envelope(name, [text_message()]))
    assert hook.post(body).status_code == 401
    change = ("account", "set", "--provider", "whatsapp", "--external-id", name)
    done = run(*change, "--secret", "app_secret=two")
    assert done.returncode == 0 and uuid.UUID(done.stdout.strip())
    wait_until(lambda: hook.post(body).ok, 5, "the new secret to count")
    assert hook.handshake("v").status_code == 200  # what was not named has stayed


def test_an_account_that_is_not_there_is_not_changed(run):
    done = run("account", "set", "--provider", "whatsapp", "--external-id", "none", "--secret",
               "app_secret=x")
    assert done.returncode == 1 and "no active whatsapp account 'none'" in done.stderr


@pytest.mark.parametrize("arguments, hint", [
    (["--secret", "app_sekret=x"], "app_secret"), (["--setting", "loud=on"], "outgoing"),
    (["--secret", "access_token=a b"], "white space"),
    (["--secret", "access_token=a", "--secret", "access_token=b"], "twice")])
def test_a_change_that_makes_no_sense_says_why(run, site, arguments, hint):
    done = run("account", "set", "--provider", "whatsapp", "--external-id", site.phone_number_id,
               *arguments)
    assert done.returncode == 1 and hint in done.stderr


@pytest.mark.parametrize("external_id", ["1", "AC123", "MM" + "0" * 32])
def test_a_twilio_account_is_named_by_its_sid(run, site, external_id):
    done = run("account", "add", "--company", site.company, "--provider", "twilio",
               "--external-id", external_id, "--secret", "auth_token=x")
    assert done.returncode == 1 and "AccountSid" in done.stderr


@pytest.mark.log_noise("postgres", "duplicate key|already|exists")
def test_an_account_cannot_be_taken_twice(run, site):
    done = run("account", "add", "--company", site.company, "--provider", "whatsapp",
               "--external-id", site.phone_number_id, "--secret", "app_secret=a",
               "--secret", "access_token=b", "--secret", "verify_token=c")
    assert done.returncode == 1 and site.phone_number_id in done.stderr


def test_a_missing_secret_is_an_error_that_names_it(run, site):
    done = run("account", "add", "--company", site.company, "--provider", "whatsapp",
               "--external-id", str(time.time_ns()), "--secret", "app_secret=a")
    assert done.returncode in (1, 2) and "access_token" in done.stderr


class TestSecrets:
    def test_secrets_come_from_files_and_the_environment_too(self, stack, graph, tmp_path, run):
        site = Site(stack, graph)
        number = site.phone_number_id + "1"
        secret_file = tmp_path / "app_secret"
        secret_file.write_text(APP_SECRET + "\n")
        done = run("account", "add", "--company", site.company, "--provider", "whatsapp",
                   "--external-id", number, "--secret-file", f"app_secret={secret_file}",
                   "--secret-env", "access_token=TOKEN_VARIABLE", "--secret", "verify_token=v",
                   env=os.environ | {"TOKEN_VARIABLE": graph.access_token})
        assert done.returncode == 0, done.stderr
        site.phone_number_id = number
        site.webhook.url = done.stdout.strip().replace(site.public_url(), stack.url)
        site.receive_photo()

    def test_secrets_vanish_from_the_process_list(self, stack, site):
        """A lock in the database holds the command, so that it can be looked at."""
        secret = f"very-secret-{uuid.uuid4()}"
        with psycopg.connect(stack.postgres.conninfo()) as holder:
            holder.execute("LOCK TABLE media.accounts")
            command = subprocess.Popen(
                [str(stack.programs.indexer), "account", "add", "--company", site.company,
                 "--provider", "whatsapp", "--external-id", str(time.time_ns()),
                 "--secret", f"app_secret={secret}", f"--secret=access_token={secret}",
                 "--secret", "verify_token=v", "--config", str(stack.indexer.config)],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: stack.postgres.psql(waiting) == "1", 20, "the command to wait")
            arguments = pathlib.Path(f"/proc/{command.pid}/cmdline").read_bytes()
            holder.rollback()
        with command.stderr as stderr:
            assert command.wait() == 0, stderr.read()
        assert b"--external-id" in arguments and secret.encode() not in arguments

    def test_secrets_rest_sealed_in_the_database(self, stack, site, graph):
        for secret in (APP_SECRET, graph.access_token):
            for encoded in (secret, secret.encode().hex()):
                dump = stack.postgres.psql("TABLE media.account_secrets")
                assert encoded not in dump

    def test_no_secret_reaches_a_log(self, stack, site, graph):
        site.receive_photo()
        for log in stack.logs.iterdir():
            text = log.read_text(errors="replace")
            for secret in (APP_SECRET, graph.access_token, site.token,
                           stack.jwt_key.read_text().strip()):
                assert secret not in text, log
            assert "hash=" not in text, log


class TestCheck:
    """`check` passes on a sound site and names each thing that is wrong."""

    def test_a_sound_site_passes(self, run):
        assert run("check").returncode == 0

    @pytest.fixture
    def check_with(self, stack, tmp_path):
        """Runs check with a changed copy of the stack's config."""
        def check(*replacements):
            text = stack.indexer.config.read_text()
            for old, new in replacements:
                assert re.search(old, text), old
                text = re.sub(old, lambda _: new, text, count=1)
            config = tmp_path / "indexer.toml"
            config.write_text(text)
            return subprocess.run([str(stack.programs.indexer), "check", "--config", str(config)],
                                  capture_output=True, text=True, timeout=60)
        return check

    @pytest.mark.parametrize("old, new, complaint", [
        (r"(?m)^conninfo = .*", 'conninfo = "host=/nonexistent dbname=media"', "database|connect"),
        (r"(?m)^root = .*", 'root = "/nonexistent/media"', "root|store|/nonexistent"),
        (r"(?m)^jwt_key_file = .*", 'jwt_key_file = "/nonexistent/jwt.key"', "jwt"),
        (r"(?m)^key_file = .*", 'key_file = "/nonexistent/secrets.key"', "key"),
        (r"(?m)^keys = .*", 'keys = [{ id = "a", file = "/nonexistent/link.key" }]', "link key a"),
        (r"(?m)^keys = .*", 'keys = [{ id = "a b", file = "x" }]', r"links\.keys\[0\]\.id"),
        (r"(?m)^ca_file = .*", 'ca_file = "/nonexistent/ca.pem"', "ca"),
        (r"\[fetch\]", "[fetch]\nconcurency = 3", r":\d+:\d+: .*concurency"),
        (r"(?m)^max_attempts = .*", 'max_attempts = "four"', r":\d+:\d+: .*max_attempts"),
        (r"(?m)^max_attempts = .*", "max_attempts = 0", r"max_attempts"),
        (r"(?m)^listen = .*", 'listen = "0.0.0.0:9100"', "allow_|loopback|public"),
        (r"\[server\]", "[server\n", r":\d+:\d+:"),
        (r"(?m)^graph_url = .*", 'graph_url = "gopher://x"', "graph_url"),
    ], ids=lambda value: value[:40])
    def test_what_is_wrong_is_named(self, check_with, old, new, complaint):
        done = check_with((old, new))
        assert done.returncode == 1, done
        assert re.search(complaint, done.stdout + done.stderr), done

    def test_a_store_without_its_mark_is_taken_for_an_unmounted_disk(self, check_with, tmp_path):
        (tmp_path / "empty").mkdir()
        done = check_with((r"(?m)^root = .*", f'root = "{tmp_path}/empty"'))
        assert done.returncode == 1
        assert list((tmp_path / "empty").iterdir()) == []

    def test_a_key_that_everybody_may_read_is_refused(self, check_with, tmp_path):
        key = tmp_path / "open.key"
        key.write_text("0" * 64)
        key.chmod(0o644)
        done = check_with((r"(?m)^jwt_key_file = .*", f'jwt_key_file = "{key}"'))
        assert done.returncode == 1 and "open.key" in done.stderr + done.stdout

    @pytest.mark.parametrize("setting, value", [
        ("jwt_key_file", '"{}"'), ("keys", '[{{ id = "a", file = "{}" }}]')])
    def test_a_short_key_is_refused(self, check_with, tmp_path, setting, value):
        key = tmp_path / "short.key"
        key.write_text("0" * 31)
        key.chmod(0o600)
        done = check_with((rf"(?m)^{setting} = .*", f"{setting} = " + value.format(key)))
        assert done.returncode == 1 and "32" in done.stdout

    def test_another_schema_is_named(self, stack, check_with):
        stack.postgres.psql("CREATE DATABASE empty", "postgres")
        try:
            done = check_with(("dbname=media", "dbname=empty"))
        finally:
            stack.postgres.psql("DROP DATABASE empty", "postgres")
        assert done.returncode == 1
        assert re.search("schema|sqitch", done.stdout + done.stderr)
    test_another_schema_is_named = pytest.mark.log_noise("postgres", "does not exist|permission")(
        test_another_schema_is_named)


def test_a_missing_config_file_is_named(run):
    done = run("check", "--config", "/nonexistent/indexer.toml", config=False)
    assert done.returncode in (1, 2) and "/nonexistent/indexer.toml" in done.stderr


def test_init_keeps_what_is_there(run, stack):
    for key in (stack.jwt_key, stack.link_key):
        before = key.read_text()
        assert run("init").returncode == 0
        assert key.read_text() == before
        assert key.stat().st_mode & 0o777 == 0o600
