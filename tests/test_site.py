"""The documentation site: built from the README, the cards and the facts, whole, and readable in a real browser."""

from __future__ import annotations

import functools
import importlib
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from browser import chromium, show
from conftest import ROOT, read_toml

from reglint.rulebook import load_cards

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")

CARDS = load_cards()
FACTS = ROOT / "rules" / "facts"
VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")


class Page(HTMLParser):
    """A page taken apart: its places, its links, its title, the captions of its blocks and the rows of its tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.links: list[str] = []
        self.title = ""
        self.captions: list[str] = []
        self.tables: list[list[list[str]]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)

    @property
    def rows(self) -> list[list[str]]:
        """The rows of all tables."""
        return [row for table in self.tables for row in table]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.places += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src") if name in values]
        if tag not in VOID:
            self._open.append((tag, values.get("class", "")))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif "caption-text" in values.get("class", ""):
            self.captions.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        classes = " ".join(names for _, names in self._open)
        if "h1" in tags and "headerlink" not in classes:
            self.title += data
        if "td" in tags or "th" in tags:
            self.tables[-1][-1][-1] += data.replace("\n", " ")
        if "caption-text" in classes and "headerlink" not in classes:
            self.captions[-1] += data


class Site(NamedTuple):
    """The built site: its folder, what Sphinx said, and its pages by their paths."""

    folder: Path
    status: int
    said: str
    pages: Mapping[str, Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    doctrees = tmp_path_factory.mktemp("doctrees")
    options = ["-q", "-W", "--keep-going", "-c", str(ROOT / "docs"), "-d", str(doctrees)]
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT), str(folder)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    files = sorted(folder.rglob("*.html"))
    pages = {file.relative_to(folder).as_posix(): Page(file.read_text(encoding="utf-8")) for file in files}
    return Site(folder, done.returncode, done.stdout + done.stderr, pages)


def test_the_site_is_built_without_a_warning(site: Site) -> None:
    assert site.said == ""
    assert site.status == 0


def test_the_command_of_the_readme_is_the_one_that_is_tested() -> None:
    assert "`sphinx-build -W -c docs . build/site`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_page_is_the_readme(site: Site) -> None:
    assert site.pages["index.html"].title == "reglint"


# The cards.


@pytest.mark.parametrize("code", CARDS)
def test_a_card_has_a_page_whose_title_holds_its_code_and_name(code: str, site: Site) -> None:
    page = site.pages[f"rules/{CARDS[code].path.stem}.html"]
    assert page.title == f"{CARDS[code].name} ({code})"
    assert "../docs/rules.html" in page.links


@pytest.mark.parametrize("code", CARDS)
def test_each_example_of_a_card_says_whether_it_is_reported(code: str, site: Site) -> None:
    words = {"bad": "Reported", "good": "Not reported", "fixed": "After the fix"}
    captions = site.pages[f"rules/{CARDS[code].path.stem}.html"].captions
    assert len(captions) == len(CARDS[code].examples)
    for shown, example in zip(captions, CARDS[code].examples, strict=True):
        assert words[example.label] in shown.partition(", with ")[0]
        assert all(value in shown for key, value in example.attributes.items() if key != "unsafe")
        assert ("--unsafe-fixes" in shown) == example.unsafe


def test_every_rule_is_linked_from_the_first_page_and_the_list_of_rules(site: Site) -> None:
    pages = {f"rules/{card.path.stem}.html" for card in CARDS.values()}
    assert pages <= {link.partition("#")[0] for link in site.pages["index.html"].links}
    assert {f"../{page}" for page in pages} <= set(site.pages["docs/rules.html"].links)


# The facts.

COLUMNS = {
    "keras": "Keras",
    "tensorflow": "tf.keras of TensorFlow",
    "tf-keras": "tf_keras",
    "keras-core": "keras-core",
}
LEFT_OUT = {"states_gru"}
"""Rows that only support another one: what is said of `states` holds of GRU as well."""


def claims(name: str, *path: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of facts that have a claim, from a path on."""

    def below(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict) and "claim" in value:
            yield value
        elif isinstance(value, dict):
            for key, each in value.items():
                if key not in LEFT_OUT:
                    yield from below(each)
        elif isinstance(value, list):
            for each in value:
                yield from below(each)

    yield from below(functools.reduce(lambda table, key: table[key], path, read_toml(FACTS / f"{name}.toml")))


def specifier(cell: str) -> str:
    """A cell of a table of the site as the specifier that it shows."""
    for shown, meant in {"\xa0": "", "≥": ">=", "≤": "<=", "not": "!=", " or ": " || ", ", ": ","}.items():
        cell = cell.replace(shown, meant)
    return cell


CLAIMS = [
    ("activity_loss", "scale"),
    ("activity_loss", "wrong"),
    ("dropped_loss",),
    ("miscounted_loss",),
    ("frozen_loss",),
    ("assigned",),
    ("regularizer_values",),
    ("saving",),
]


@pytest.mark.parametrize("path", CLAIMS, ids=".".join)
def test_each_measured_claim_is_a_row_with_its_releases(path: tuple[str, ...], site: Site) -> None:
    tables = site.pages["docs/which-keras.html"].tables
    rows = [dict(zip(head, row, strict=True)) for head, *rows in tables for row in rows]
    shown = [
        (row["claim"], [specifier(row.get(title, "–")) for title in COLUMNS.values()]) for row in rows if "claim" in row
    ]
    wanted = list(claims(*path))
    assert len(wanted) > 1
    for fact in wanted:
        releases = fact.get("wrong_in") or fact["releases"]
        assert (fact["claim"], [releases.get(package, "–").replace(".*", "") for package in COLUMNS]) in shown


def test_a_row_that_holds_on_one_backend_says_so(site: Site) -> None:
    tables = site.pages["docs/which-keras.html"].tables
    (table,) = (table for table in tables if table[0][:3] == ["where", "what happens", "instead"])
    shown = {tuple(row[-2:]) for row in table}
    for fact in claims("miscounted_loss"):
        assert ("JAX" if fact.get("backends") == ["jax"] else "–", fact["claim"]) in shown


def test_the_table_of_arguments_holds_what_each_layer_takes(site: Site) -> None:
    groups = read_toml(FACTS / "regularizer_arguments.toml")["groups"].values()
    heads = ["layers", "Keras", "Keras", "Keras"]
    page = site.pages["docs/which-keras.html"]
    (table,) = (table for table in page.tables if [cell.partition(" ")[0] for cell in table[0]] == heads)
    of_layer = {name: row[1:] for row in table for name in row[0].split(", ")}
    for number, group in enumerate(groups):
        for layer, arguments in group["layers"].items():
            shown = set(of_layer[layer][number].split(", "))
            assert shown == {name.removesuffix("_regularizer") for name in arguments or ["none"]}, layer


def test_the_table_of_old_arguments_holds_what_they_are_called_today(site: Site) -> None:
    head = ["layers", "W_regularizer", "U_regularizer", "b_regularizer"]
    (table,) = (table[1:] for table in site.pages["docs/which-keras.html"].tables if table[0] == head)
    for layer, fact in read_toml(FACTS / "layers.toml").items():
        for old, today in fact.get("renamed", {}).items():
            if old in fact.get("keras1", ()):
                row = next(row for row in table if layer in row[0].split(", "))
                assert row[head.index(old)] == today


def test_the_tables_of_names_hold_every_regularizer(site: Site) -> None:
    known, rows = read_toml(FACTS / "regularizers.toml"), site.pages["docs/which-keras.html"].rows
    for old, fact in known["symbols"].items():
        assert [old, fact["to"], ", ".join(f"{key}={value}" for key, value in fact["defaults"].items())] in rows
    for old, fact in known["strings"].items():
        today = [f'"{fact["to"]}"'] if "to" in fact else ["{symbol}({arguments})".format(**fact["expression"])]
        assert [f'"{old}"', *today] in rows
    for name, fact in known["removed"].items():
        assert [name, fact["since"]] in [row[:2] for row in rows]
    for fact in known["parameters"]:
        assert [", ".join(fact["functions"]), fact["old"]] in [row[:2] for row in rows]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("sphinx_reglint.tables")


ROWS = {
    "lost": {"claim": "loss", "result": 0.0, "releases": {"keras": ">=2,<3 || >=3.2"}, "layers": ["Dense"]},
    "kept": {"claim": "loss", "result": 1.0, "releases": {"tensorflow": "<2.16"}, "backends": ["jax"]},
    "list": ["no", "row"],
}


def test_a_row_shows_the_words_of_the_page_and_the_figures_of_the_facts(tables: Any) -> None:
    table = tables.claims_table(ROWS, ["where", "share"], ["kept: all | {result}", "lost: {layers} | {result}"], [])
    assert table.head == ["where", "share", "Keras", "tf.keras of TensorFlow", "backend", "claim"]
    assert [[cell.replace("\xa0", " ") for cell in row] for row in table.rows] == [
        ["all", "1.0", "–", "< 2.16", "JAX", "`loss`"],
        ["`Dense`", "0.0", "≥ 2, < 3 or ≥ 3.2", "–", "–", "`loss`"],
    ]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["kept: all"], "no line shows lost"),
        (["kept: all", "lost: {effect}"], "lost has no effect"),
        (["kept: all", "lost: none", "gone: none"], "the facts have no gone"),
        (["kept: all", "lost: none | nothing"], "2 cells below 1 heads"),
    ],
)
def test_a_page_that_does_not_fit_the_facts_is_an_error(lines: list[str], says: str, tables: Any) -> None:
    with pytest.raises(tables.TableError, match=re.escape(says)):
        tables.claims_table(ROWS, ["where"], lines, [])


def test_rows_may_be_asked_for_together_and_by_a_value(tables: Any) -> None:
    facts = {"value": [{"of": "a", "is": "1"}, {"of": "b", "is": "2"}, {"is": "3"}]}
    lines = ["value[of=]: {is}", "value[of=b]: {is}", "value[of=a]: {is}"]
    assert tables.claims_table(facts, ["is"], lines, []).rows == [["3"], ["2"], ["1"]]
    assert tables.claims_table(facts, ["is"], ["value[]: {is}"], []).rows == [["1"], ["2"], ["3"]]


# The links.


def test_every_link_and_place_of_the_site_is_there(site: Site) -> None:
    broken = [
        f"{path}: {link}"
        for path, page in site.pages.items()
        for link in page.links
        if not urlsplit(link).scheme and not _leads_somewhere(site, path, link)
    ]
    assert broken == []
    assert sum(len(page.links) for page in site.pages.values()) > 1000


def _leads_somewhere(site: Site, path: str, link: str) -> bool:
    parts = urlsplit(link)
    target = (site.folder / path).parent / unquote(parts.path) if parts.path else site.folder / path
    if not target.is_file():
        return False
    name = target.resolve().relative_to(site.folder.resolve()).as_posix()
    return parts.fragment in ("", *(site.pages[name].places if name in site.pages else ()))


def test_every_page_is_reached_from_the_first_one(site: Site) -> None:
    seen, ahead = set(), ["index.html"]
    while ahead:
        path = ahead.pop()
        if path in site.pages and path not in seen:
            seen.add(path)
            targets = [urlsplit(link).path for link in site.pages[path].links if not urlsplit(link).scheme]
            found = [((site.folder / path).parent / target).resolve() for target in targets if target]
            ahead += [file.relative_to(site.folder.resolve()).as_posix() for file in found]
    assert seen == set(site.pages)


def test_files_of_the_repository_that_pages_link_to_come_along(site: Site) -> None:
    brought = {file.name: file for file in site.folder.glob("_downloads/*/*")}
    for path in ("rules/facts/probe.toml", "docs/ci/gitlab.yml", "reglint/runner.py"):
        assert brought[Path(path).name].read_bytes() == (ROOT / path).read_bytes()


def test_a_code_in_running_text_leads_to_its_card_and_a_file_of_facts_to_its_tables(site: Site) -> None:
    assert f"../rules/{CARDS['REG202'].path.stem}.html" in site.pages["docs/which-keras.html"].links
    assert "../docs/which-keras.html#facts-dropped-loss" in site.pages[f"rules/{CARDS['REG203'].path.stem}.html"].links


# In a real browser.


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and keeps no log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site.folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


SHOWN = """return {
  wide: [document.documentElement, document.body, document.querySelector('.content')]
    .some(each => each.scrollWidth > each.clientWidth),
  ground: getComputedStyle(document.body).backgroundColor,
  text: getComputedStyle(document.body).color,
  tables: document.querySelectorAll('table').length,
}"""
LOOKED_AT = ["index.html", "docs/rules.html", "docs/which-keras.html", f"rules/{CARDS['REG101'].path.stem}.html"]


def brightness(colour: str) -> int:
    """The sum of red, green and blue of a computed colour."""
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", LOOKED_AT)
def test_a_page_fits_its_window_and_asks_nobody_else_for_anything(
    path: str, theme: str, width: int, browser: Any, address: str
) -> None:
    asked = show(browser, address + path, width, theme)
    seen = browser.execute_script(SHOWN)
    assert not seen["wide"]
    assert seen["tables"] > 0
    assert (brightness(seen["ground"]) < brightness(seen["text"])) == (theme == "dark")
    assert browser.get_log("browser") == []
    assert address + path in asked
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def wait_for(browser: Any, found: Callable[[Any], Any]) -> Any:
    """What ``found`` gives for the browser as soon as it gives something."""
    return importlib.import_module("selenium.webdriver.support.ui").WebDriverWait(browser, 60).until(found)


def test_the_search_finds_the_argument_that_never_existed(browser: Any, address: str) -> None:
    show(browser, address)
    field = browser.find_element("name", "q")
    field.send_keys("weight_regularizer")
    field.submit()
    results = "return [...document.querySelectorAll('#search-results ul.search a')].map(each => each.href)"
    page = f"{address}rules/{CARDS['REG101'].path.stem}.html"
    found = wait_for(browser, lambda driver: [url for url in driver.execute_script(results) if url.startswith(page)])
    show(browser, found[0])
    assert browser.execute_script("return document.querySelector('h1').textContent").startswith(CARDS["REG101"].name)
    assert browser.get_log("browser") == []
