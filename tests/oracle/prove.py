"""Judge the pairs on real releases, and keep what came out: ``tests/oracle/verdicts``.

    python tests/oracle/prove.py [--all] [--only NAME] OLD_PYTHON TODAY_PYTHON

OLD_PYTHON is the interpreter that ``environment.sh`` made, TODAY_PYTHON one with Keras 3 on JAX and tf_keras. Pairs
that are in the record are not judged again, but with ``--all``; ``--only`` restricts the run to one table of
``rules/facts`` or one card.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from pairs import EQUAL, Pair, pairs  # noqa: E402

VERDICTS = HERE / "verdicts"
# It has Keras 1's arguments and today's: the release that can tell whether two calls are equal.
OLD = "keras-2.2.4"
# What it cannot tell, because it has one of the two spellings only, one of these can.
BRIDGES = ("keras-2.3.1", "keras-2.1.6", "keras-1.2.2", "tf_keras-2.21.0")
TODAY = ("keras-3.15.1", "tf_keras-2.21.0")

# What a backend needs to be told; Theano without a compiler takes less time to start than one with.
BACKENDS = {
    "keras-3": {"KERAS_BACKEND": "jax"},
    "keras": {"KERAS_BACKEND": "theano", "THEANO_FLAGS": "cxx=,floatX=float32"},
    "tf_keras": {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
}

SAME = "same shapes and weights"
RUNS = "runs"


def judged(release: str, interpreter: str, wanted: Sequence[Pair], both: bool) -> dict[str, Any]:
    """id -> what the script says about a pair on a release: about ``both`` programs, or only what today is to run."""
    asked = [
        {
            "id": pair.id,
            "old": pair.setup + pair.old if both or pair.new is None else None,
            "new": None if pair.new is None else pair.setup + (pair.new if both else pair.today or pair.new),
            "result": pair.result,
            "files": pair.files,
        }
        for pair in wanted
    ]
    if not asked:
        return {}
    environment = {**os.environ, **next(each for name, each in BACKENDS.items() if release.startswith(name))}
    beside = Path(interpreter).parent.parent / "releases" / release
    if beside.is_dir():
        environment["PYTHONPATH"] = str(beside)
    print(f"{release}: {len(asked)} pairs", file=sys.stderr)
    run = subprocess.run(
        [interpreter, str(HERE / "judge_pairs.py"), release.rpartition("-")[0]],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{release}: {run.stderr[-2000:]}")
    told = json.loads(run.stdout)
    if f"{told['package']}-{told['version']}" != release and release not in TODAY:
        raise SystemExit(f"{interpreter} has {told['package']} {told['version']}, not {release}")
    return {judgement["id"]: judgement for judgement in told["judgements"]}


def verdict_of_equality(judgement: Mapping[str, Any]) -> str:
    """What a release says about both programs of a pair: equal, or how they are not."""
    old, new = judgement["old"], judgement.get("new")
    if new is None:
        return f"left as it is; {old['error']}" if "error" in old else "left as it is"
    if "error" in old or "error" in new:
        return "; ".join(
            f"{side} fails: {judgement[side]['error']}" for side in ("old", "new") if "error" in judgement[side]
        )
    if judgement["differ"]:
        return "different: " + "; ".join(
            f"{path} {before} -> {after}" for path, before, after in judgement["differ"][:3]
        )
    if not new["left"]:
        return "nothing to compare"
    return "equal-run" if judgement["ran"] else "equal-config"


def verdict_of_today(judgement: Mapping[str, Any], built: Mapping[str, Any] | None) -> str:
    """What a release of today says about the mended program, ``built`` being what Keras 2.2.4 made of it."""
    new = judgement.get("new")
    if new is None:
        old = judgement["old"]
        return f"left as it is; {old['error']}" if "error" in old else "left as it is"
    if "error" in new:
        return f"fails: {new['error']}"
    here, there = comparable(new["built"]), comparable(built or {})
    there = {name: each for name, each in there.items() if "error" not in each}
    failed = {name: each["error"] for name, each in here.items() if name in there and "error" in each}
    if failed:
        return "; ".join(f"{name} fails to build: {error}" for name, error in failed.items())
    both = {name: each for name, each in there.items() if name in here}
    unlike = [name for name in both if not are_alike(here[name], both[name])]
    if unlike:
        return "; ".join(f"{name} {in_words(there[name])} -> {in_words(here[name])}" for name in unlike)
    return SAME if both else RUNS


def are_alike(here: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Have two releases built the same? A size that one of them leaves open is no difference."""
    shapes = [*zip(here["output"], there["output"], strict=False)]
    return (
        here["weights"] == there["weights"]
        and len(here["output"]) == len(there["output"])
        and all(
            len(a) == len(b) and all(None in (x, y) or x == y for x, y in zip(a, b, strict=True)) for a, b in shapes
        )
    )


def comparable(built: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the objects that could be built."""
    return {name: each for name, each in built.items() if each is not None}


def in_words(built: Mapping[str, Any]) -> str:
    """Shapes and weights in a few words."""
    return f"{built['output']} with {built['weights']} weights"


def record_of(wanted: Iterable[Pair], recorded: Mapping[str, Any], python: Mapping[str, str], again: bool) -> list[Any]:
    """The entries of the record: what is recorded of the very same pair, and of the rest what is judged now.

    ``python`` maps each release that is at hand to an interpreter; ``again`` forgets what is recorded of these.
    """
    known = {pair.id: dict(known_of(pair, recorded)) for pair in wanted}
    if again:
        known = {id: {key: value for key, value in entry.items() if key not in python} for id, entry in known.items()}
    if OLD in python:
        wanted_here = [pair for pair in wanted if OLD not in known[pair.id]]
        for id, judgement in judged(OLD, python[OLD], wanted_here, both=True).items():
            built = comparable((judgement.get("new") or {}).get("built") or {})
            known[id].update({"built": built, OLD: verdict_of_equality(judgement)})
    for release in BRIDGES:
        if release in python:
            wanted_here = [
                pair for pair in wanted if not is_proven(pair, known[pair.id]) and release not in known[pair.id]
            ]
            for id, judgement in judged(release, python[release], wanted_here, both=True).items():
                verdict = verdict_of_equality(judgement)
                if verdict in EQUAL:
                    known[id]["bridge"] = {release: verdict}
    for release in TODAY:
        if release in python:
            wanted_here = [pair for pair in wanted if release not in known[pair.id]]
            for id, judgement in judged(release, python[release], wanted_here, both=False).items():
                known[id][release] = verdict_of_today(judgement, known[id].get("built"))
    return [
        {
            key: getattr(pair, key)
            for key in ("id", "old", "new", "today", "fix", "proof")
            if key != "today" or pair.today
        }
        | {key: known[pair.id][key] for key in ("built", OLD, "bridge", *TODAY) if key in known[pair.id]}
        for pair in wanted
    ]


def is_proven(pair: Pair, entry: Mapping[str, Any]) -> bool:
    """Is nothing left to be proven of a pair?"""
    return pair.proof not in EQUAL or pair.new is None or entry.get(OLD) in EQUAL or "bridge" in entry


def known_of(pair: Pair, recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is recorded of a pair; nothing where it was another pair then."""
    known = recorded.get(pair.id, {})
    same = all(getattr(pair, key) == known.get(key) for key in ("old", "new", "today"))
    return known if same else {}


def recorded_verdicts() -> dict[str, Any]:
    """id -> entry, of the whole record."""
    return {
        entry["id"]: entry
        for path in sorted(VERDICTS.glob("*.json"))
        for entry in json.loads(path.read_text(encoding="utf-8"))
    }


def write(entries: Sequence[Mapping[str, Any]], only: Sequence[str] = ()) -> None:
    """One file for each table and card, an entry for each pair, a line for each of its keys."""
    VERDICTS.mkdir(exist_ok=True)
    files: dict[str, list[str]] = {}
    for entry in entries:
        lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
        files.setdefault(entry["id"].partition(" ")[0], []).append(" {\n" + ",\n".join(lines) + "\n }")
    for path in VERDICTS.glob("*.json"):
        if path.stem not in files and not only:
            path.unlink()
    for name, texts in files.items():
        (VERDICTS / f"{name}.json").write_text("[\n" + ",\n".join(texts) + "\n]\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Judge, and write the record anew."""
    parser = argparse.ArgumentParser(description="Judge the pairs on real releases.")
    parser.add_argument("--all", action="store_true", help="also what is in the record")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a table of facts, or a card")
    parser.add_argument("old", metavar="OLD_PYTHON", help="an interpreter that environment.sh made")
    parser.add_argument("today", metavar="TODAY_PYTHON", help="an interpreter with Keras 3 and tf_keras")
    asked = parser.parse_args(arguments)
    wanted = list(pairs(asked.only))
    write(record_of(wanted, recorded_verdicts(), interpreters(asked.old, asked.today), asked.all), asked.only)
    return 0


def interpreters(old: str, today: str) -> dict[str, str]:
    """Release -> the interpreter that runs it."""
    return {release: today if release in TODAY else old for release in (OLD, *BRIDGES, *TODAY)}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
