"""The display of a probe's report: the terminal's table, plain text, and the fragment for notebooks."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

pytest.importorskip("rich")
pytest.importorskip("jinja2")

import reports
from rich.cells import cell_len
from rich.console import Console

from reglint.findings import Severity
from reglint.probe.values import Penalty, ProbeReport
from reglint.probe.views.display import broken, fragment, plain, shortened, table
from reglint.probe.views.figures import gain, number, share
from reglint.probe.views.tables import activation, strength, verdict
from reglint.probe.views.verdicts import by_trouble, elsewhere


def shown(report: ProbeReport, width: int = 100, encoding: str = "utf-8", *, colour: bool = False) -> str:
    """Return what a terminal of that width and encoding shows; what it cannot encode would raise."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(
        file=file, width=width, force_terminal=colour, color_system="standard" if colour else None, legacy_windows=False
    )
    console.print(table(report))
    file.flush()
    return raw.getvalue().decode(encoding)


def row(text: str, start: str) -> list[str]:
    """Return the cells of the first line that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(start))
    return re.split(r"\s{2,}", line.strip())


ALL = ("full", "deep", "empty", "broken", "hostile")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = shown(getattr(reports, name)(), width).splitlines()
    assert lines
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_without_the_signs_gets_others(name: str, encoding: str) -> None:
    assert shown(getattr(reports, name)(), encoding=encoding).isascii()


def test_a_name_that_the_encoding_lacks_is_escaped() -> None:
    report = reports.report(reports.site("größe_层"))
    assert "größe_\\u5c42" in shown(report, encoding="latin-1")
    assert "gr\\xf6\\xdfe_\\u5c42" in shown(report, encoding="ascii")
    assert "größe_层" in shown(report)


def test_the_head_says_what_was_run_and_on_what() -> None:
    head = shown(reports.full(), 200).splitlines()[:2]
    assert head == [
        "model.keras, trained",
        "keras 3.15.1 on tensorflow, GPU: NVIDIA H100, 512 samples, positions: a sample of each feature map's, 3.2 s",
    ]


def test_made_up_inputs_are_said_to_be_so() -> None:
    assert "512 samples (made-up inputs, so confidence is low)" in shown(reports.report(synthetic=True), 200)


def test_a_wide_terminal_shows_every_figure_of_a_site() -> None:
    assert row(shown(reports.full(), 120), "dense_raw") == [
        "dense_raw", "sigmoid", "98 %", "52 / 46 %", "0.01", "8 / – %", "-3.2 ± 125", "117", "1.05", "1.02", "REG401"
    ]  # fmt: skip


def test_a_narrow_terminal_keeps_layer_activation_share_gain_and_verdict() -> None:
    text = shown(reports.full(), 60)
    assert row(text, "layer") == ["layer", "activation", "saturated", "gain", "verdict"]
    assert row(text, "dense_raw") == ["dense_raw", "sigmoid", "98 %", "0.01", "REG401"]


def test_sites_stand_by_severity_then_by_saturated_share_then_as_the_model_runs_them() -> None:
    order = [(judged.site.layer, judged.site.site) for judged in by_trouble(reports.full())]
    assert order[:7] == [
        ("dense_1", "activation"),  # error
        ("dense_raw", "activation"),  # warning, .98
        ("conv2d/relu", "activation"),  # warning, .97
        ("bidirectional/forward_lstm", "gate:f"),  # info, 1.00
        ("dense_wide", "activation"),  # info, .66
        ("logits", "softmax"),  # .88 without a finding
        ("embedding_dense", "activation"),
    ]


def test_sites_without_a_finding_beyond_twenty_rows_are_folded() -> None:
    text = shown(reports.deep(60), 100)
    assert sum("relu" in line for line in text.splitlines()) == 19
    assert "and 40 more without a finding" in text


def test_a_site_with_a_finding_is_never_folded() -> None:
    sites = [reports.site(f"dense_{index}") for index in range(30)]
    report = reports.report(*sites, findings=tuple(reports.finding(site) for site in sites[5:]))
    rows, more = shortened(by_trouble(report))
    assert (len(rows), more) == (25, 5)
    assert all(judged.findings for judged in rows)


def test_a_finding_about_a_regularizer_is_not_a_verdict_on_the_activation_of_that_layer() -> None:
    verdicts = {judged.site.layer: judged.codes for judged in by_trouble(reports.full())}
    assert verdicts["dense_raw"] == "REG401"


def test_a_verdict_says_where_the_worst_finding_is_but_an_info() -> None:
    partly, bad, fine = (reports.site(name) for name in ("partly", "bad", "fine"))
    found = (
        reports.finding(partly, "REG402", Severity.INFO),
        reports.finding(bad, "REG401", Severity.WARNING),
        reports.finding(bad, "REG405", Severity.INFO),
    )
    told = {
        judged.site.layer: verdict(judged) for judged in by_trouble(reports.report(partly, bad, fine, findings=found))
    }
    assert told == {"bad": "REG401 REG405", "partly": "REG402 info", "fine": "·"}


def test_a_finding_that_names_no_site_speaks_of_all_sites_of_its_layer() -> None:
    gates = reports.gates("lstm")
    found = replace(reports.finding(gates[0], "REG403"), data={})
    codes = [judged.codes for judged in by_trouble(reports.report(*gates, reports.site(), findings=(found,)))]
    assert codes == ["REG403"] * 5 + [""]


def test_a_finding_about_gates_speaks_of_all_that_are_mostly_saturated() -> None:
    shares = zip(reports.gates(), (1.0, 1.0, 0.9, 0.3, 0.0), strict=True)
    gates = [replace(gate, saturated_fraction=each) for gate, each in shares]
    found = reports.finding(gates[0], "REG403")
    codes = {judged.site.site: judged.codes for judged in by_trouble(reports.report(*gates, findings=(found,)))}
    assert [site for site, code in codes.items() if code] == ["gate:i", "gate:f", "gate:g"]


def test_a_finding_about_no_site_is_shown_all_the_same() -> None:
    found = replace(reports.finding(reports.ALIGNED, message="nothing reached the head"), layer="head")
    report = reports.report(reports.site(), findings=(found,))
    assert elsewhere(report) == (found,)
    assert "REG401 head: nothing reached the head" in shown(report)


def test_penalties_stand_by_their_share_of_the_loss() -> None:
    text = shown(reports.full(), 120)
    header = row(text, "layer      argument")
    assert header == ["layer", "argument", "regularizer", "λ", "penalty", "of the loss", "gradient ratio"]
    after = text[text.index("argument") :]
    assert row(after, "dense_raw") == [
        "dense_raw", "activity_regularizer", "L1L2", "l1=0.1 l2=0.01", "1.6", "63 %", "4.2"
    ]  # fmt: skip
    assert after.index("dense_raw") < after.index("dense_1") < after.index("logits")


def test_a_regularizer_without_constants_has_no_strength() -> None:
    assert strength(Penalty("dense", "Dense", "kernel_regularizer", "Own()", {}, 1.0)) == "–"


def test_outputs_show_accuracy_and_confident_errors() -> None:
    text = shown(reports.full(), 120)
    assert "accuracy  most frequent" in text
    assert row(text, "logits      98") == ["logits", "98 %", "10 %", "10 of 512", "88 %", "10 %", "23"]


def test_what_the_probe_did_not_see_is_listed_with_the_reason() -> None:
    assert "  lambda_3: calls tf.nn.relu directly, past keras.ops" in shown(reports.full())


def test_a_model_without_activations_says_so() -> None:
    assert "no activation was reached" in shown(reports.empty())


def test_names_are_not_read_as_markup_and_cannot_steer_the_terminal() -> None:
    text = shown(reports.hostile(), 120, colour=True)
    assert "[red]markup[/red]" in text
    assert "\x00" not in text
    assert "\x1b[31mx" not in text.replace("\\x1b", "")
    assert re.findall(r"\x1b\[([\d;]*)m", text)  # colours of our own
    assert "line\\nbreak" in text


def test_without_colour_there_is_no_escape_sequence() -> None:
    assert "\x1b" not in shown(reports.full()) + plain(reports.full())


def test_a_warning_has_another_colour_than_an_error() -> None:
    report = reports.report(
        reports.ALIGNED,
        reports.UNSCALED,
        findings=(reports.finding(reports.ALIGNED, severity=Severity.ERROR), reports.finding(reports.UNSCALED)),
    )
    painted = re.findall(r"(\x1b\[[\d;]*m)REG401", shown(report, colour=True))
    assert len(set(painted)) == 2


def test_plain_text_is_the_table_with_the_messages_in_ascii() -> None:
    text = plain(reports.full())
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert "REG401 `dense_1`: each of 64 `sigmoid` units is saturated high" in text
    assert "REG402 conv2d/relu: relu saturates: gain 0.03 over 512 samples" in text
    assert "lambda" in text


def test_plain_text_keeps_the_names_of_the_user() -> None:
    assert "größe" in plain(reports.report(reports.site("größe")))


def test_a_report_prints_as_plain_text_and_shows_itself_in_notebooks() -> None:
    report = reports.full()
    assert str(report) == plain(report)
    assert report._repr_html_() == fragment(report)


class Tags(HTMLParser):
    """The tags and the text of a document, and whether every tag that opens is closed."""

    VOID = ("br", "img", "meta", "link", "hr")

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(document)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("name", ALL)
def test_the_fragment_is_well_formed_and_small(name: str) -> None:
    html = fragment(getattr(reports, name)())
    Tags(html)
    assert len(html) < 40_000


@pytest.mark.parametrize("name", reports.HOSTILE)
def test_a_hostile_name_stays_text_in_the_fragment(name: str) -> None:
    parsed = Tags(fragment(reports.hostile()))
    tags = {tag for tag, _ in parsed.tags}
    assert tags <= {"div", "style", "p", "strong", "br", "small", "ul", "li", "b", "code"} | {
        "table", "thead", "tbody", "tr", "th", "td"
    }  # fmt: skip
    assert not any(key.startswith("on") for _, attributes in parsed.tags for key in attributes)
    visible = name.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\x00", "\\x00").replace("\ud800", "\\ud800")
    assert visible in "".join(parsed.text)


def test_the_fragment_sets_no_colour_of_text_or_ground_so_that_both_themes_can_read_it() -> None:
    style = fragment(reports.full()).partition("<style>")[2].partition("</style>")[0]
    assert "background" not in style
    for rule in re.findall(r"([^{}]+)\{([^{}]*)\}", style):
        assert not re.search(r"(^|;)color:", rule[1]) or any(word in rule[0] for word in ("error", "warning", "info"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.004, "<1 %"),
        (0.5, "50 %"),
        (0.996, ">99 %"),
        (1.0, "100 %"),
        (float("nan"), "NaN"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(value: float | None, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (190.6, "191"),
        (-3.2, "-3.2"),
        (0.03125, "0.0312"),
        (1e-6, "1e-6"),
        (1.24e-6, "1.2e-6"),
        (123456.0, "1.2e5"),
        (float("inf"), "∞"),
        (float("-inf"), "-∞"),
        (float("nan"), "NaN"),
    ],
)
def test_a_number_has_three_digits_that_matter(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_gain_that_is_not_zero_does_not_read_as_zero() -> None:
    assert [gain(each) for each in (0.0, 3.4e-8, 0.002, 0.5, None)] == ["0", "3e-8", "0.002", "0.50", "–"]


def test_an_activation_is_named_with_its_place_where_that_says_more() -> None:
    gate = reports.gates()[1]
    assert [activation(each) for each in (reports.site(), gate, reports.SOFTMAX)] == [
        "sigmoid",
        "f: sigmoid",
        "softmax",
    ]
    assert activation(reports.site(site="ops.tanh", activation="tanh")) == "ops.tanh"


def test_a_long_path_breaks_after_a_slash() -> None:
    assert list(broken("backbone/stage/block", 10)) == ["backbone/", "stage/", "block"]
    assert list(broken("a" * 12, 10)) == ["a" * 10, "aa"]
