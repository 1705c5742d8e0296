"""What every test of the dashboard in a real browser needs."""

from pathlib import Path

from playwright.sync_api import Page, expect

SOON = 30_000
"""Milliseconds."""
_AXE = Path(__file__).parents[2] / "services/gateway/dashboard/node_modules/axe-core/axe.min.js"
_RULES = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
_SMALL = """all => {
  const checks = '[type=checkbox], [type=radio]';
  // What is drawn is smaller than what answers: would a touch around its middle switch it?
  const answers = (each) => {
    const around = each.labels?.[0]?.getBoundingClientRect();
    if (around && around.width >= 43.5 && around.height >= 43.5) return true;
    const shown = each.closest('[class*=-body]') ?? each;
    shown.scrollIntoView({block: 'center'});
    const {left, top, height} = shown.getBoundingClientRect();
    const hit = (x, y) => {
      const found = document.elementFromPoint(x, y);
      return found === each || found?.closest('label')?.control === each;
    };
    const [x, y] = [left + 22, top + height / 2];
    return [[0, -21], [0, 21], [-21, 0], [21, 0]].every(([dx, dy]) => hit(x + dx, y + dy));
  };
  return all
    .filter(each => each.offsetParent && each.tabIndex >= 0 && !each.matches(':disabled'))
    .filter(each => !each.matches('[class*=innerInput]'))
    .filter(each => !each.getAttribute('href')?.startsWith('#'))
    .filter(each => {
      if (each.matches(checks)) return !answers(each);
      const {width, height} = each.getBoundingClientRect();
      return width < 43.5 || height < 43.5;
    })
    .map(each => each.outerHTML.slice(0, 120));
}"""


def give_password(page: Page, password: str = "admin") -> None:
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_in(page: Page, path: str = "/") -> None:
    """As the demo's admin, and hearing what happens."""
    page.goto(path)
    page.get_by_label("Name or e-mail").fill("admin")
    give_password(page)
    expect(page.get_by_role("status").first).to_have_text("Live", timeout=SOON)


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out, of WCAG 2.1 A and AA."""
    page.evaluate(
        _AXE.read_text()
    )  # by the debugging protocol: the page's own policy lets in no script of ours
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in page.evaluate(f"{_RULES}.then(done => done.violations)")
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def small_targets(page: Page) -> list[str]:
    """What a glove misses; a control inside a field has the field around it."""
    return page.locator("button, input, a, [role=slider]").evaluate_all(_SMALL)


_CLIPPED = """all => all
  .filter(each => each.offsetParent && getComputedStyle(each).textOverflow !== 'ellipsis')
  .filter(each => !['absolute', 'fixed'].includes(getComputedStyle(each).position))
  .filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter(each => getComputedStyle(each).overflowX !== 'visible' || each.matches('button, th, [role=tab]'))
  .map(each => `${each.textContent.trim().slice(0, 60)} (${each.scrollWidth} of ${each.clientWidth} px)`)"""


def clipped(page: Page) -> list[str]:
    """Words of controls and headings that are cut off where nothing says so."""
    return page.locator("button, button span, a, label, th, dt, h1, h2, h3, legend, [role=tab]").evaluate_all(
        _CLIPPED
    )
