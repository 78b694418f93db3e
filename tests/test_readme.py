"""What the README says is what there is."""
import configparser
import re
from pathlib import Path


from presence_receiver.config import PREFIX, SettingsSchema
from presence_receiver.webhook.views import ANSWERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()


def section(title):
    return re.split(r"\n[^\n]+\n=+\n", README[README.index(f"\n{title}\n===="):])[1]


def test_every_setting_is_in_the_table_with_its_default_and_no_other():
    table = section("Settings")
    rows = dict(re.findall(r"^``(PRESENCE_\w+)`` +(\S+(?: \S+)*?)  ", table, re.MULTILINE))
    assert set(rows) == {PREFIX + name for name in SettingsSchema().fields}
    for name, field in SettingsSchema().fields.items():
        default = "required" if field.required else field.load_default
        default = {None: "none", True: "true", False: "false"}.get(default, str(default))
        assert rows[PREFIX + name].strip("`") == default, name


def test_every_answer_of_the_webhook_is_in_the_table():
    statuses = {int(status) for status in re.findall(r" (\d{3})(?:,| )", section("Answers").split("Other methods")[0])}
    assert statuses == {200, 400, 422, *(status for status, _ in ANSWERS.values())}


def test_the_pinned_packages_satisfy_what_setup_cfg_asks_for():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = {line.split()[0] for line in setup["options"]["install_requires"].split("\n") if line.strip()}
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text().lower(), re.MULTILINE))
    assert wanted <= pinned
