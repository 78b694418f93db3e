"""The page in Chromium: what axe finds, in both colour schemes and at two widths."""
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

AXE = Path(__file__).parents[3] / ".venv-test/axe/node_modules/axe-core/axe.min.js"
CALL = """<pre id="found"></pre><script>
document.querySelectorAll("details").forEach(each => each.open = true);
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(result => {
  const told = some => some.map(each => [each.impact, each.id, each.nodes.length, each.nodes[0].html.slice(0, 200)]);
  document.getElementById("found").textContent = JSON.stringify({violations: told(result.violations),
    passes: result.passes.length, dark: matchMedia("(prefers-color-scheme: dark)").matches,
    right: Math.max(...[...document.querySelectorAll("body *")].filter(each => !each.closest(".scroll"))
      .map(each => each.getBoundingClientRect().right))});
});</script>"""


def axe(page, folder, width, is_dark):
    """What axe says of a page that is 900 pixels high; the page's own rules forbid scripts, so they go for it."""
    browser = shutil.which("chromium")
    assert browser, "install chromium"
    if not AXE.exists():
        pytest.skip("axe-core is missing: .ci/run says how to install it")
    text, count = re.subn(r'<meta http-equiv="Content-Security-Policy".*?>', "", page.read_text(), flags=re.S)
    assert count == 1
    text = text.replace("</style>", f"html {{ width: {width}px; }}</style>")  # no window of it is narrower than 500
    (folder / "axe.html").write_text(text.replace("</main>", f"</main><script>{AXE.read_text()}</script>{CALL}"))
    ran = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={folder / 'profile'}", f"--window-size={max(width, 500)},900",
         f"--blink-settings=preferredColorScheme={0 if is_dark else 1}", "--virtual-time-budget=60000", "--dump-dom",
         (folder / "axe.html").as_uri()],
        capture_output=True, text=True, timeout=240, env={"PATH": "/usr/bin:/bin", "HOME": str(folder)})
    found = json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', ran.stdout, re.S)[1]))
    assert found["dark"] == is_dark and found["passes"] > 15
    return found


@pytest.mark.slow
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("access_points, hours", [(1, 0), (1, 1), (12, 30), (200, 2)])
def test_axe_finds_nothing(made_up, report, tmp_path, access_points, hours, is_dark):
    folder, html = made_up(access_points, hours, outage=range(20, 26)), tmp_path / "page.html"
    report("--data-dir", folder, "--html", html)
    assert axe(html, tmp_path, 1280, is_dark)["violations"] == []


@pytest.mark.slow
def test_nothing_is_wider_than_a_small_screen(made_up, report, tmp_path):
    folder, html = made_up(12, 30, outage=range(20, 26)), tmp_path / "page.html"
    report("--data-dir", folder, "--html", html)
    found = axe(html, tmp_path, 390, is_dark=False)
    assert (found["violations"], found["right"] <= 390) == ([], True)


@pytest.mark.slow
def test_axe_would_find_words_without_contrast(made_up, report, tmp_path):
    folder, html = made_up(1, 1), tmp_path / "page.html"
    report("--data-dir", folder, "--html", html)
    html.write_text(html.read_text().replace("--quiet: #55616d", "--quiet: #dddddd"))
    assert ("serious", "color-contrast") in {(impact, rule) for impact, rule, *_ in
                                             axe(html, tmp_path, 1280, is_dark=False)["violations"]}
