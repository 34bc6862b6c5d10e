"""Manifests that are broken, huge or no files at all: one line for each, and never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import FIXTURES

from reglint.cli import main
from reglint.pins import pins_of
from reglint.project import DiskFiles, MemoryFiles

MANIFESTS = FIXTURES / "manifests"
#: Name of a manifest → a good one of that kind.
GOOD = {
    "requirements.txt": "compiled_requirements",
    "pyproject.toml": "poetry_declared",
    "setup.cfg": "setup_cfg_extras",
    "setup.py": "setup_py_variables",
    "Pipfile": "pipfile_declared",
    "Pipfile.lock": "pipfile_locked",
    "poetry.lock": "poetry_locked",
    "uv.lock": "uv_locked",
    "pdm.lock": "pdm_locked",
    "pylock.toml": "pylock",
    "environment.yml": "conda_environment",
    "tox.ini": "tox_factors",
    "Dockerfile": "docker_image",
}
KINDS = sorted(GOOD)


def good(name: str) -> bytes:
    return (MANIFESTS / GOOD[name] / name).read_bytes()


@pytest.mark.parametrize("name", KINDS)
def test_a_manifest_cut_off_anywhere_gives_at_most_one_complaint(name: str) -> None:
    raw = good(name)
    for end in range(0, len(raw), 7):
        manifests = pins_of("", MemoryFiles({name: raw[:end]}))
        assert len(manifests.unread) <= 1, (end, manifests.unread)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "raw",
    [
        bytes(range(256)) * 40 + b"keras",
        b"keras \xff\xfe\x00 [[[ {{{ ((( \"\"\" ''' = : - \n",
        b"keras = " + b"{a=" * 20_000,
        b"keras" + b"[" * 20_000,
        b"keras" + b">" * 1_000_000,
    ],
    ids=["every byte", "garbage", "deep tables", "deep lists", "a long line"],
)
def test_bytes_that_are_no_manifest_give_at_most_one_short_complaint(name: str, raw: bytes) -> None:
    manifests = pins_of("", MemoryFiles({name: raw}))
    assert not [pin for pin in manifests.pins if pin.specifier]
    assert len(manifests.unread) <= 1
    assert all(len(item.message) < 200 and "\n" not in item.message for item in manifests.unread)


@pytest.mark.parametrize("name", KINDS)
def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing(name: str) -> None:
    plain = pins_of("", MemoryFiles({name: good(name)}))
    windows = pins_of("", MemoryFiles({name: b"\xef\xbb\xbf" + good(name).replace(b"\n", b"\r\n")}))
    assert plain.pins and not plain.unread
    assert windows == plain


@pytest.mark.parametrize("name", KINDS)
def test_a_huge_manifest_is_told_and_passed_over(name: str) -> None:
    size = 1_000_001 if name.endswith(".py") else 20_000_001
    manifests = pins_of("", MemoryFiles({name: good(name).ljust(size), "constraints.txt": "keras<3\n"}))
    (unread,) = manifests.unread
    assert (unread.path, unread.line) == (name, 1)
    assert f"too large to be a manifest ({size:,} bytes" in unread.message
    assert [pin.path for pin in manifests.pins] == ["constraints.txt"]


class Unreadable(DiskFiles):
    """A disk on which one file may not be opened."""

    def read(self, path: str) -> bytes | None:
        return None if path.endswith("base.txt") else super().read(path)


def test_a_manifest_that_may_not_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r base.txt\nkeras==2.2.4\n")
    (tmp_path / "base.txt").write_text("keras\n")
    manifests = pins_of(str(tmp_path), Unreadable())
    assert [pin.specifier for pin in manifests.pins] == ["==2.2.4"]
    (unread,) = manifests.unread
    assert (Path(unread.path).name, unread.message) == ("base.txt", "cannot be opened, so what it allows is not known")


def test_folders_and_loops_of_links_are_no_manifests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").mkdir()
    (tmp_path / "setup.py").symlink_to("setup.py")
    (tmp_path / "poetry.lock").symlink_to("nowhere")
    (tmp_path / "model.py").write_text("from keras.layers import Dense\nDense(2, W_regularizer='l2')\n")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["check", "model.py"]) == 1
    assert main(["keras", "model.py"]) == 0
    assert capsys.readouterr().err == ""
