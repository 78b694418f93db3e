"""What the README and the wings' pages say is what there is, and the README leads to all of them."""
import configparser
import re
from pathlib import Path

import pytest

from presence_receiver.config import PREFIX, SettingsSchema
from presence_receiver.webhook.views import ANSWERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()
PACKAGE = ROOT / "presence_receiver"
WINGS = {path.parent for path in PACKAGE.rglob("__init__.py")} - {PACKAGE, PACKAGE / "extras", PACKAGE / "config"}
PAGES = sorted(folder / "README.rst" for folder in WINGS | {ROOT / "tests" / "benchmarks", ROOT / "tests" / "system"})


def section(text, title):
    return re.split(r"\n[^\n]+\n=+\n", text[text.index(f"\n{title}\n===="):])[1]


def links(path):
    """Return the files and folders that a page links."""
    return {(path.parent / link).resolve() for link in re.findall(r"<([\w./-]+)>`_", path.read_text())}


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200


def test_the_readme_has_one_command_to_run_it_and_one_to_test_it():
    commands = re.findall(r"^    python3 -m venv (\S+) .*(gunicorn|pytest)", README, re.MULTILINE)
    assert commands == [(".venv", "gunicorn"), (".venv-test", "pytest")]


def test_the_readme_leads_to_every_page():
    assert links(ROOT / "README.rst") == {*PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_is_there(page):
    assert [path for path in links(page) if not path.exists()] == []


def test_registering_comes_first():
    assert re.findall(r"\n([^\n]+)\n=+\n", README)[0] == "Registering"


@pytest.mark.parametrize("page", [ROOT / "README.rst", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_tells_to_type_works_from_a_clone(page):
    """No index knows this project; and presence-cli is where the README's first command puts it."""
    text = page.read_text()
    assert "presence-receiver[" not in text
    typed = [line for line in re.findall(r"^    (\S.*\bpresence-cli (?:-|[a-z]).*)", text, re.MULTILINE)
             if not re.match("Usage:|HiveManager ──>|├─>|docker compose", line)]
    assert [line for line in typed if ".venv/bin/presence-cli" not in line] == []


def test_every_setting_is_in_the_table_with_its_default_and_no_other():
    table = section(README, "Settings")
    rows = dict(re.findall(r"^``(PRESENCE_\w+)`` +(\S+(?: \S+)*?)  ", table, re.MULTILINE))
    assert set(rows) == {PREFIX + name for name in SettingsSchema().fields}
    for name, field in SettingsSchema().fields.items():
        default = "required" if field.required else field.load_default
        default = str(default).lower() if default is None or isinstance(default, bool) else str(default)
        assert rows[PREFIX + name].strip("`") == default, name


def test_every_answer_of_the_webhook_is_in_the_table():
    page = (PACKAGE / "webhook" / "README.rst").read_text()
    statuses = {int(status) for status in re.findall(r" (\d{3})(?:,| )", page.split("Other methods")[0])}
    assert statuses == {200, 400, 422, *(status for status, _ in ANSWERS.values())}


def test_the_pinned_packages_satisfy_what_setup_cfg_asks_for():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = {re.match(r"[\w-]+", line)[0] for line in setup["options"]["install_requires"].strip().splitlines()}
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text().lower(), re.MULTILINE))
    assert wanted <= pinned
