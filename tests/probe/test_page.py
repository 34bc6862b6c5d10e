"""The HTML page of a probe's report: one file, nothing from elsewhere, readable in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")
pytest.importorskip("numpy")

import reports
from browser import chromium, show

from reglint.findings import Severity
from reglint.probe.values import EDGES
from reglint.probe.views.charts import along, bins, histogram, penalties
from reglint.probe.views.page import page

ALL = ("full", "deep", "empty", "broken", "hostile")
VOID = ("meta", "link", "br", "hr", "img")


class Document(HTMLParser):
    """A page taken apart: each tag with its attributes, the text outside styles, and the headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = self.styles = ""
        self.headings: list[tuple[str, str]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.styles += data
            return
        self.text += data
        for tag in self.open:
            if re.fullmatch("h[1-6]", tag):
                self.headings[-1] = (tag, self.headings[-1][1] + data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


PAGES: dict[str, str] = {}


def made(name: str) -> str:
    """Return the page of a report, made once for all tests."""
    if name not in PAGES:
        PAGES[name] = page(getattr(reports, name)())
    return PAGES[name]


def svg(text: str) -> Any:
    return ElementTree.fromstring(text)


# What the page holds.


@pytest.mark.parametrize("name", ALL)
def test_the_page_is_one_well_formed_document_in_which_no_address_stands(name: str) -> None:
    html = made(name)
    document = Document(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"\b(?:https?|ftp|wss?|file):", html)
    attributes = [pair for _, pairs in document.tags for pair in pairs.items()]
    references = [value or "" for key, value in attributes if key in ("href", "src", "xlink:href")]
    assert all(value.startswith("#") or value == "data:," for value in references)
    styles = document.styles + "".join(value or "" for key, value in attributes if key in ("style", "fill", "stroke"))
    assert "--ground" in styles
    assert not re.search(r"url\(|@import", styles)


@pytest.mark.parametrize("name", ALL)
def test_the_page_has_no_script_and_its_policy_allows_none(name: str) -> None:
    document = Document(made(name))
    assert not document.all("script")
    assert not any(key.startswith("on") for _, attributes in document.tags for key in attributes)
    policy = next(each["content"] for each in document.all("meta") if "http-equiv" in each)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.mark.parametrize("name", reports.HOSTILE)
def test_a_hostile_name_stays_text(name: str) -> None:
    document = Document(made("hostile"))
    tags = {tag for tag, _ in document.tags}
    assert not tags & {"script", "img", "iframe", "object", "form", "base"}
    visible = name.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\x00", "\\x00").replace("\ud800", "\\ud800")
    assert document.text.count(visible) >= 8
    assert "49" not in document.text.partition("Overview")[0]


@pytest.mark.parametrize("name", ALL)
def test_every_link_leads_to_a_place_of_the_page_and_no_place_has_two_names(name: str) -> None:
    document = Document(made(name))
    places = [attributes["id"] for _, attributes in document.tags if "id" in attributes]
    assert len(places) == len(set(places))
    assert {"#" + str(place) for place in places} >= {each["href"] for each in document.all("a")}
    named = {attributes["aria-labelledby"] for _, attributes in document.tags if "aria-labelledby" in attributes}
    assert named <= set(places)


def test_headings_go_down_step_by_step() -> None:
    levels = [int(tag[1]) for tag, _ in Document(made("full")).headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_layers_stand_by_trouble_each_once() -> None:
    headings = [text.split()[0] for tag, text in Document(made("full")).headings if tag == "h3"]
    assert headings == [
        "dense_1", "dense_raw", "conv2d/relu", "bidirectional/forward_lstm", "dense_wide",
        "logits", "embedding_dense", "head",
    ]  # fmt: skip


def test_cause_remedy_code_strength_and_line_stand_beside_the_chart() -> None:
    text = re.sub(r"\s+", " ", Document(made("full")).text)
    card = text[text.index("dense_1 Dense") : text.index("dense_raw Dense")]
    for part in (
        "REG401",
        "inputs that line up with many small weights",
        "an activity regularizer on the pre-activation",
        "models.py:12:5",
        "Dense(64, activity_regularizer=regularizers.L2(1e-6)), Activation('sigmoid'),",
        "λ = 1e-6.",
        "factors of 10",
        "0.574 · 11.1 · 30.1",
    ):
        assert part in card


def test_the_page_says_what_was_run_and_by_which_versions() -> None:
    text = Document(made("full")).text
    for part in (
        "keras 3.15.1 on tensorflow",
        "GPU: NVIDIA H100",
        "512",
        "a sample of each feature map's",
        "reglint",
        "Python",
    ):
        assert part in text


def test_penalties_outputs_and_what_was_not_seen_have_their_tables() -> None:
    document = Document(made("full"))
    assert {"Penalties", "Outputs", "Not seen by the probe"} <= {text for tag, text in document.headings if tag == "h2"}
    assert "compare metrics, not loss" in document.text
    assert "calls tf.nn.relu directly" in document.text


def test_a_model_without_activations_has_a_page_too() -> None:
    text = Document(made("empty")).text
    assert "No activation was reached." in text
    assert "made-up inputs, so confidence is low" in text


def test_every_figure_has_its_words_and_each_chart_of_a_layer_its_table() -> None:
    html = made("full")
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 12 + 2
    assert all("<figcaption>" in figure for figure in figures)
    assert sum("<table>" in figure for figure in figures) == 12


def test_what_stands_between_backticks_in_a_message_is_code() -> None:
    assert "<code>dense_1</code>: each of 64 <code>sigmoid</code> units" in made("full")


def test_a_chart_says_in_words_what_it_shows() -> None:
    text = Document(made("full")).text
    assert "The fullest bin is z above 100, with 100 % of the values; the gain is below 0.05 for 100 % of all." in text
    assert "; the gain of this activation is not known." in text
    assert "; what a softmax does with them depends on the whole row." in text


# What the charts show.


def test_the_shares_of_the_bins_add_up_and_name_both_open_ends() -> None:
    found = list(bins(reports.UNSCALED))
    assert len(found) == len(EDGES) + 1
    assert sum(part for _, part, _ in found) == pytest.approx(1)
    assert (found[0][0], found[1][0], found[-1][0]) == ("below −100", "−100 to −30", "above 100")


def test_the_gain_of_a_bin_is_that_of_its_activation() -> None:
    gains = {reach: at for reach, _, at in bins(reports.site(activation="sigmoid"))}
    assert gains["0 to 0.5"] == pytest.approx(0.985, abs=1e-3)  # 4a(1-a) at 0.25
    assert gains["−6 to −4.36"] < 0.05 < gains["−4.36 to −3"]
    halves = [at for _, _, at in bins(reports.HALF)]
    assert halves == [0.0] * 10 + [1.0] * 10
    assert {at for _, _, at in bins(reports.UNTAPPED)} == {None}


def bars(chart: str) -> list[tuple[str, str, float, float]]:
    """Return text, colour, width and height of each bar of a histogram."""
    found = []
    for path in svg(chart).iter("path"):
        title = path.find("title")
        if title is not None:
            x, _, width, height = map(
                float, re.match(r"M([\d.-]+),([\d.-]+)h([\d.-]+)v([\d.-]+)", path.get("d")).groups()
            )
            assert x >= 0
            found.append((title.text, re.search(r"fill:var\((.*?)\)", path.get("style"))[1], width, height))
    return found


def test_a_bar_is_as_high_as_its_share_and_coloured_by_the_gain() -> None:
    site = reports.site(activation="relu", histogram=(0,) * 9 + (1, 3) + (0,) * 9)
    drawn = [each for each in bars(histogram(site)) if each[3]]
    assert [(text, colour) for text, colour, _, _ in drawn] == [
        ("z −0.5 to 0: 25 % of the values, gain 0", "--flat"),
        ("z 0 to 0.5: 75 % of the values, gain 1.00", "--live"),
    ]
    assert drawn[1][3] == pytest.approx(3 * drawn[0][3])


def test_all_bins_are_drawn_equally_wide_with_an_edge_named_between_them() -> None:
    chart = histogram(reports.UNSCALED)
    assert len({round(width, 3) for _, _, width, _ in bars(chart)}) == 1
    labels = [element.text for element in svg(chart).iter("text")]
    assert [label for label in labels if label in {f"{edge:g}".replace("-", "−") for edge in EDGES}][: len(EDGES)] == [
        f"{edge:g}".replace("-", "−") for edge in EDGES
    ]


def test_the_gain_curve_is_drawn_where_it_is_known() -> None:
    assert "var(--curve)" in histogram(reports.UNSCALED)
    assert "var(--curve)" not in histogram(reports.UNTAPPED)
    assert {colour for _, colour, _, _ in bars(histogram(reports.UNTAPPED))} == {"--plain"}


@pytest.mark.parametrize("counts", [(), (0,) * (len(EDGES) + 1), (1, 2, 3)])
def test_a_histogram_without_values_is_no_chart(counts: tuple[int, ...]) -> None:
    assert histogram(reports.site(histogram=counts)) == ""


def test_the_chart_along_the_model_has_a_point_for_each_gain_in_the_order_of_the_model() -> None:
    points = [title.text for title in svg(along(reports.full())).iter("title")]
    assert points[0] == "1: embedding_dense activation: gain 0.86"
    assert points[-1] == "10: dense_raw activation: gain 0.01"
    assert len(points) == 10  # softmax and an unknown activation have no gain
    assert along(reports.report(reports.site(), reports.site("b"))) == ""


def test_the_bars_of_penalties_are_their_shares_of_the_loss_or_else_their_size() -> None:
    texts = [title.text for title in svg(penalties(reports.full())).iter("title")]
    assert texts == ["dense_raw activity: 63 %", "dense_1 kernel: 31 %", "logits bias: 0 %"]
    without = reports.report(penalties=tuple(reports.unlabelled()))
    assert next(title.text for title in svg(penalties(without)).iter("title")) == "dense_raw activity: 1.6"
    assert penalties(reports.report()) == penalties(reports.broken()) == ""


# In a real browser.

SHOWN = """return {
  charts: [...document.querySelectorAll('svg')].filter(each =>
    each.checkVisibility() && each.getBoundingClientRect().height > 50).length,
  bars: document.querySelectorAll('svg path[style*="--flat"], svg path[style*="--live"]').length,
  clipped: [...document.querySelectorAll('.wide')].flatMap(figure => [...figure.querySelectorAll('text')].filter(text =>
    text.getBoundingClientRect().left < figure.getBoundingClientRect().left).map(text => text.textContent)),
  sizes: [...document.querySelectorAll('figure svg')].filter(each => each.checkVisibility()).map(each =>
    each.getBoundingClientRect().width / each.viewBox.baseVal.width),
  width: document.documentElement.scrollWidth,
  ground: getComputedStyle(document.body).backgroundColor,
  text: getComputedStyle(document.body).color,
  label: getComputedStyle(document.querySelector('svg text') || document.body).fill,
  bar: document.querySelector('svg path[style*="--flat"]') &&
       getComputedStyle(document.querySelector('svg path[style*="--flat"]')).fill,
  alerts: document.querySelectorAll('script, img, iframe').length,
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


Look = Callable[..., dict[str, Any]]


@pytest.fixture
def look(browser: Any, tmp_path: Path) -> Look:
    """Return a function that opens a page from a file, and says what is seen, logged and asked of the network."""

    def opened(html: str, width: int = 1280, theme: str = "light") -> dict[str, Any]:
        file = tmp_path / "report.html"
        file.write_text(html, encoding="utf-8")
        asked = show(browser, file.as_uri(), width, theme)
        return {
            **browser.execute_script(SHOWN),
            "console": browser.get_log("browser"),
            "asked": [url for url in asked if url != file.as_uri() and not url.startswith("data:")],
            "loaded": file.as_uri() in asked,
        }

    return opened


@pytest.mark.parametrize("name", ALL)
def test_a_browser_shows_the_page_without_a_complaint_and_asks_the_network_for_nothing(name: str, look: Look) -> None:
    seen = look(made(name))
    assert seen["console"] == []
    assert seen["loaded"]
    assert seen["asked"] == []
    assert seen["alerts"] == 0


def test_a_browser_draws_the_charts(look: Look) -> None:
    seen = look(made("full"))
    # Those of layers without a finding lie folded.
    assert seen["charts"] == 1 + 3 + 5 + 1 + 1
    assert seen["bars"] > 100


@pytest.mark.parametrize("name", ["full", "deep", "hostile"])
@pytest.mark.parametrize("width", [400, 800, 1280])
def test_nothing_is_wider_than_the_window(name: str, width: int, look: Look) -> None:
    assert look(made(name), width)["width"] <= width


@pytest.mark.parametrize("width", [400, 1280])
def test_labels_are_neither_cut_off_nor_blown_up(width: int, look: Look) -> None:
    seen = look(made("full"), width)
    assert seen["clipped"] == []
    assert max(seen["sizes"]) <= 1.001
    assert min(seen["sizes"]) > 0.65


def _light(colour: str) -> float:
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it, from 1 to 21."""
    high, low = sorted((_light(one), _light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "is_dark"), [("light", False), ("dark", True)])
def test_text_and_charts_can_be_read_in_both_themes(theme: str, is_dark: bool, look: Look) -> None:
    seen = look(made("full"), theme=theme)
    assert (_light(seen["ground"]) < 0.2) is is_dark
    assert contrast(seen["text"], seen["ground"]) > 7
    assert contrast(seen["label"], seen["ground"]) > 4.5
    assert contrast(seen["bar"], seen["ground"]) > 3


def test_a_report_with_many_layers_opens_on_those_in_trouble(look: Look) -> None:
    assert look(made("deep"))["charts"] == 2


def test_a_link_to_a_layer_that_lies_folded_unfolds_it(browser: Any, look: Look) -> None:
    look(made("deep"))
    card = browser.find_element("id", "layer-60")
    assert not card.is_displayed()
    browser.execute_script("""document.querySelector('a[href="#layer-60"]').click()""")
    assert card.is_displayed()


def test_what_a_finding_says_in_words_that_are_not_known_is_shown_as_it_is() -> None:
    found = reports.finding(reports.ALIGNED, severity=Severity.INFO, cause="a-new-cause", remedy=None)
    assert "a-new-cause" in page(reports.report(reports.ALIGNED, findings=(found,)))
