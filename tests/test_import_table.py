"""Who may call whom: downward only, and one door per library. A new module needs a row; rows are exact."""
import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "presence_receiver"
NAME = PACKAGE.name

TABLE = """
module              calls, all of them further down                                          libraries
------------------  -----------------------------------------------------------------------  ------------------
cli                 cli.invocation cli.output errors                                         click
cli.register        cli.invocation cli.output cli.secret cli.url registration subscription   click
cli.delete          cli.invocation cli.output errors registration subscription               click
cli.list            cli.invocation cli.output                                                click
cli.message_types   cli.invocation                                                           click
cli.new_secret      cli.secret                                                               click
cli.replay          cli.invocation cli.output cli.progress config replay                     click
cli.collect         cli.invocation cli.output collect config errors                          click
cli.send            cli.invocation cli.output cli.secret cli.url errors feed mask outbound   click
cli.simulate        cli.invocation cli.output cli.secret cli.url errors feed outbound        click rich
                    reconcile simulate
cli.status          cli.invocation cli.url mask service                                      click
cli.doctor          cli.invocation cli.output cli.secret cli.url doctor errors               click
cli.report          cli.invocation cli.output errors report report_page stored               click rich
cli.secret          cli.invocation errors                                                    click
cli.invocation      cli.output environment errors mask subscription                          click dotenv
cli.progress        cli.output mask                                                          rich
cli.output          mask subscription                                                        rich
cli.url             environment                                                              click

doctor              environment errors feed outbound service subscription trace              requests
service             errors metrics no_answer outbound trace                                  requests
reconcile           errors simulate stored
simulate            errors outbound simulated_site
simulated_site
report_page         report
report              errors rotation                                                          duckdb
registration        errors subscription
hivemanager         environment errors mask outbound subscription trace
extremecloudiq      environment errors mask outbound subscription trace
subscription
environment         errors mask
feed                errors no_answer outbound trace                                          requests urllib3
outbound            errors mask no_answer trace                                              requests urllib3
no_answer                                                                                    requests urllib3
trace                                                                                        requests
mask

(top)               app
gunicorn_config     config errors gunicorn_log metrics                                       gunicorn
gunicorn_log                                                                                 gunicorn
gunicorn_worker                                                                              gevent gunicorn
app                 config health housekeeping limited_log metrics readiness stream turns    flask werkzeug
                    webhook writer
health              metrics                                                                  flask
readiness           config errors metrics
webhook             body errors judge lines verify                                           flask
verify              errors
collect             collected config errors file_lock housekeeping jetstream limited_log
                    stream_parts writer
collected           folder journal
replay              config errors housekeeping journal rejected_line rotation writer
rejected_line       careful_judge judge                                                      msgspec
judge               careful_judge delivery errors fast_judge lines                           msgspec
careful_judge       delivery fast_judge lines schemas                                        msgspec
fast_judge          delivery derived_types schemas text_rules                                msgspec
text_rules          schemas                                                                  msgspec
derived_types       schemas                                                                  marshmallow msgspec
delivery            errors schemas                                                           msgspec
body                errors                                                                   gunicorn
schemas                                                                                      marshmallow
housekeeping        compression config file_lock limited_log metrics offload rotation
                    storage_fault trusted_clock writer
stream              config errors metrics native_loop publisher
publisher           config errors jetstream stream_parts
jetstream           config errors stream_parts                                               nats
stream_parts        lines
native_loop                                                                                  gevent
writer              config file_lock group_commit journal line_file lines metrics offload
                    storage_fault
group_commit        offload
lines                                                                                        msgspec
line_file           folder rotation                                                          fcntl
journal             folder
compression         folder
metrics             stored                                                                   prometheus_client
stored              rotation
rotation
file_lock           folder                                                                   fcntl
folder
turns
offload                                                                                      gevent
limited_log
trusted_clock
storage_fault       errors
config              errors                                                                   marshmallow
errors
"""
DOORS = {"fcntl"}
"""Of the standard library, what counts as a library here."""


def rows():
    """The table as {module: (modules, libraries)}, in its order."""
    header, _, *lines = TABLE.strip("\n").splitlines()
    first, second = header.index("calls"), header.index("libraries")
    found, module = {}, ""
    for line in filter(None, lines):
        module = line[:first].strip() or module
        calls, libraries = found.setdefault(module, (set(), set()))
        calls.update(line[first:second].split())
        libraries.update(line[second:].split())
    return found


def name_of(path):
    """A module as the table calls it."""
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix("__init__").rstrip(".") or "(top)"


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(path):
    """The full dotted names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(dotted):
    """The module of this package which that is, or is in; None for a library's."""
    parts = dotted.split(".")
    if parts[0] != NAME:
        return None
    names = [".".join(parts[1:end]) for end in (len(parts), len(parts) - 1)]
    return next((name for name in names if name in MODULES), "(top)")


def library(dotted):
    first = dotted.split(".")[0]
    is_library = first not in sys.stdlib_module_names or first in DOORS
    return first if is_library and first != NAME else None


def test_imports_are_those_of_the_table():
    found = {
        name: ({ours(it) for it in imported(path)} - {None}, {library(it) for it in imported(path)} - {None})
        for name, path in MODULES.items()
    }
    assert found == rows()


def test_calls_go_downward_only():
    order = list(rows())
    upward = [
        (module, called) for module, (calls, _) in rows().items() for called in calls
        if order.index(called) <= order.index(module)
    ]
    assert upward == []
