"""What is wrong with a web page as a reader sees it: in an installed Chromium, at the width of a telephone."""

import contextlib
import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [name for name, there in (("Chromium", CHROMIUM), ("playwright", find_spec("playwright"))) if not there]
TELEPHONE = {"width": 390, "height": 844}
CONTRAST = 4.5      # WCAG 2, success criterion 1.4.3: the least ratio of luminances for text of ordinary size

# Resolves when MathJax has set the page's formulas, at once where the page has none.
FORMULAS_SET = "() => window.MathJax ? MathJax.startup.promise.then(() => true) : true"

TEXT = r"""() => {
    const found = [];
    const formulas = [...document.querySelectorAll('.math')];
    const bare = formulas.filter(one => !one.querySelector('mjx-container'));
    if (bare.length) found.push(`${bare.length} of ${formulas.length} formulas are not set: ${bare[0].textContent}`);
    for (const one of document.querySelectorAll('mjx-merror'))
        found.push(`MathJax cannot read a formula: ${one.dataset.mjxError}`);
    for (const one of document.querySelectorAll('mjx-container [mathcolor="red"]'))
        found.push(`MathJax does not know a command: ${one.textContent}`);
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
        const text = words.currentNode;
        if (/\$|\\\(|\\\[|\\begin\{/.test(text.data)
            && !text.parentElement.closest('code, pre, script, style, textarea, .math'))
            found.push(`a formula was not recognised: ${text.data.trim()}`);
    }
    return found;
}"""

# The page must not scroll sideways, and nothing may stick out but within a box of its own that scrolls. A box around
# the whole text, which some themes let scroll, is none of those. Of what sticks out the outermost is named.
WIDTH = r"""() => {
    const width = document.documentElement.clientWidth, found = [];
    const total = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
    if (total > width) found.push(`the page is ${total} pixels wide, the window ${width}`);
    const inspect = node => {
        if (node.getBoundingClientRect().right > width + 1)
            found.push(`<${node.localName} class="${node.className}"> ends beyond the window: `
                       + node.textContent.replace(/\s+/g, ' ').slice(0, 60));
        else if (!/auto|scroll/.test(getComputedStyle(node).overflowX))
            [...node.children].forEach(inspect);
    };
    [...(document.querySelector('article') || document.body).children].forEach(inspect);
    return found;
}"""

# The ratio of luminances of every pair of text and background colours; a formula has its container's colour.
LEGIBLE = r"""least => {
    const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
    const colour = text => { const c = text.match(/[\d.]+/g).map(Number); return c.length < 4 ? [...c, 1] : c; };
    const over = (c, below) => below.map((v, k) => k < 3 ? c[3] * c[k] + (1 - c[3]) * v : 1);
    const canvas = matchMedia('(prefers-color-scheme: dark)').matches
        && /dark/.test(getComputedStyle(document.documentElement).colorScheme) ? [18, 18, 18, 1] : [255, 255, 255, 1];
    const known = new Map();
    const ground = node => {
        if (!node) return canvas;
        if (!known.has(node)) {
            const own = colour(getComputedStyle(node).backgroundColor);
            known.set(node, own[3] === 1 ? own : over(own, ground(node.parentElement)));
        }
        return known.get(node);
    };
    const seen = new Set(), found = [];
    const judge = node => {
        const style = getComputedStyle(node), below = ground(node);
        const front = over(colour(style.color), below), pair = `${front} on ${below}`;
        if (seen.has(pair) || style.visibility === 'hidden' || !node.getClientRects().length) return;
        seen.add(pair);
        const [dark, light] = [luminance(front), luminance(below)].sort((a, b) => a - b);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < least)
            found.push(`contrast ${ratio.toFixed(2)}, ${pair}: <${node.localName} class="${node.className}"> `
                       + node.textContent.trim().slice(0, 60));
    };
    document.querySelectorAll('mjx-container').forEach(judge);
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
        const node = words.currentNode.parentElement;
        if (words.currentNode.data.trim() && !node.closest('script, style, mjx-container')) judge(node);
    }
    return found;
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder):
    """The address at which the files of a folder are served, on this machine alone."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def opened():
    """A page of a browser that can reach this machine alone."""
    from playwright.sync_api import sync_playwright

    # The sandbox refuses to start for root, as which containers run; the pages are our own.
    alone = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=alone)
        yield browser.new_page(viewport=TELEPHONE)
        browser.close()


def complaints(page, address, site):
    """What is wrong with the page at an address, which may ask for nothing outside `site`; [] if it reads well."""
    found = []
    listeners = {
        "console": lambda message: message.type == "error" and found.append(f"console: {message.text}"),
        "pageerror": lambda error: found.append(f"script: {error}"),
        "request": lambda request: request.url.startswith((site, "data:")) or found.append(f"asked for {request.url}"),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.emulate_media(color_scheme="light")
    page.goto(address)
    page.evaluate(FORMULAS_SET)
    found += page.evaluate(TEXT) + page.evaluate(WIDTH)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {problem}" for problem in page.evaluate(LEGIBLE, CONTRAST)]
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return found
