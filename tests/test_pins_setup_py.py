"""setup.py: which requirements reach a call of setup, and on which line they stand, without running it."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reglint.pins.pin import Pin, Unread
from reglint.pins.setup_py import read
from reglint.project import MemoryFiles


def everything(text: str | bytes, **others: str) -> list[Pin | Unread]:
    """All that is read of a setup.py; ``requirements__base`` is the file requirements/base.txt beside it."""
    beside = {name.replace("__", "/") + ".txt": content for name, content in others.items()}
    raw = text if isinstance(text, bytes) else dedent(text).lstrip("\n")
    return list(read("setup.py", MemoryFiles({"setup.py": raw, **beside})))


def pins(text: str, **others: str) -> list[tuple[int, str]]:
    """Line and requirement of each pin, in order of lines; there must be nothing unread."""
    found = everything(text, **others)
    assert [item for item in found if isinstance(item, Unread)] == []
    return sorted((pin.line, f"{pin.package}{pin.specifier}") for pin in found if isinstance(pin, Pin))


def files_read(text: str, **others: str) -> list[str]:
    return [item.path for item in everything(text, **others) if isinstance(item, Pin)]


# ------------------------------------------------------------------------------------------------ where they stand


def test_a_requirement_is_found_on_the_line_of_its_string() -> None:
    source = """
        from setuptools import setup
        setup(
            name="x",
            install_requires=[
                "numpy",
                "keras>=2.1,<2.3",
            ],
        )
    """
    assert pins(source) == [(6, "keras<2.3,>=2.1")]


def test_a_pin_keeps_the_requirement_as_written_and_the_path() -> None:
    (pin,) = everything("setup(install_requires=[\"tensorflow-gpu >= 1.4 ; python_version < '3'\"])")
    assert pin == Pin("tensorflow", ">=1.4", "setup.py", 1, "tensorflow-gpu >= 1.4 ; python_version < '3'")


@pytest.mark.parametrize("keyword", ["install_requires", "tests_require", "requires"])
def test_each_keyword_that_lists_requirements_counts(keyword: str) -> None:
    assert pins(f"setup({keyword}=['keras'])") == [(1, "keras")]


def test_requirements_of_distutils_have_their_bounds_in_parentheses() -> None:
    assert pins("setup(requires=['keras (>=2.0)'])") == [(1, "keras>=2.0")]


def test_every_extra_counts() -> None:
    source = """
        setup(extras_require={
            "cpu": ["tensorflow>=2.4"],
            "gpu": "tensorflow-gpu>=2.3",
        })
    """
    assert pins(source) == [(2, "tensorflow>=2.4"), (3, "tensorflow>=2.3")]


def test_what_builds_the_project_is_not_what_it_runs_with() -> None:
    assert pins("setup(setup_requires=['keras==2.0'], keywords=['keras'], name='keras')") == []


@pytest.mark.parametrize(
    "head",
    [
        "from setuptools import setup",
        "from setuptools import setup as setup",
        "import setuptools; setup = setuptools.setup",
        "from distutils.core import setup",
    ],
)
def test_setup_is_known_however_it_is_imported(head: str) -> None:
    assert pins(f"{head}\nsetup(install_requires=['keras'])") == [(2, "keras")]


def test_setup_is_known_as_an_attribute_and_under_an_alias() -> None:
    assert pins("import setuptools as s\ns.setup(install_requires=['keras'])") == [(2, "keras")]
    assert pins("from setuptools import setup as go\ngo(install_requires=['keras'])") == [(2, "keras")]


def test_another_function_with_such_a_keyword_is_none_of_our_business() -> None:
    assert pins("register(install_requires=['keras'])") == []


def test_a_requirement_that_makes_no_sense_is_reported_on_its_line() -> None:
    (unread,) = everything("setup(install_requires=[\n'keras>>2'])")
    assert isinstance(unread, Unread)
    assert (unread.line, "keras>>2" in unread.message) == (2, True)


def test_a_string_of_several_lines_holds_several_requirements_each_on_its_own_line() -> None:
    source = '''
        setup(install_requires="""
            numpy
            keras>=2  # new API
            tensorflow<2
        """)
    '''
    assert pins(source) == [(3, "keras>=2"), (4, "tensorflow<2")]
    assert pins('setup(install_requires="numpy\\nkeras>=2\\n")') == [(1, "keras>=2")]


# ------------------------------------------------------------------------------------------------- names and lists


def test_a_variable_is_followed_to_its_list() -> None:
    assert pins("REQUIRED = (\n'keras==2.2.4',)\nsetup(install_requires=REQUIRED)") == [(2, "keras==2.2.4")]


def test_the_variables_of_a_function_are_its_own() -> None:
    source = """
        def other():
            required = ["keras==1.0"]
        def main():
            required = ["keras==2.0"]
            setup(install_requires=required)
        main()
    """
    assert pins(source) == [(4, "keras==2.0")]


@pytest.mark.parametrize(
    "statement",
    [
        "r += ['keras>=2']",
        "r = r + ['keras>=2']",
        "r.append('keras>=2')",
        "r.insert(0, 'keras>=2')",
        "r.extend(['keras>=2'])",
        "r.extend(('keras>=2',))",
        "r += ('keras>=2',)",
        "r[:] = ['keras>=2']",
        "(r, s) = (['keras>=2'], 1)",
        "r = list({'keras>=2'})",
        "r = sorted(set(r + ['keras>=2']))",
        "r = [*r, 'keras>=2']",
        "r: list[str] = ['keras>=2']",
        "for one in ['keras>=2']: r.append(one)",
        "r = [one.strip() for one in ['keras>=2'] if one]",
        "r = 'keras>=2 numpy'.split()",
        "r = 'numpy,keras>=2'.split(',')",
        "print(r := ['keras>=2'])",
    ],
)
def test_a_list_may_be_made_in_many_ways(statement: str) -> None:
    assert pins(f"r = ['numpy']\n{statement}\nsetup(install_requires=r)") == [(2, "keras>=2")]


def test_each_branch_counts() -> None:
    source = """
        if gpu:
            backend = ["tensorflow-gpu>=1.14"]
        else:
            backend = ["tensorflow>=1.15"]
        try:
            import tensorflow
        except ImportError:
            backend.append("keras<2.4")
        setup(install_requires=backend if sys.argv else ["keras==2.2.4"])
    """
    assert pins(source) == [(2, "tensorflow>=1.14"), (4, "tensorflow>=1.15"), (8, "keras<2.4"), (9, "keras==2.2.4")]


def test_a_list_that_grows_by_itself_comes_to_an_end() -> None:
    source = "a = b + ['keras>=2']\nb = a + ['keras<3']\na += a\nsetup(install_requires=a, tests_require=b)"
    assert pins(source) == [(1, "keras>=2"), (2, "keras<3")]


def test_what_lists_that_grow_by_each_other_have_is_not_lost_by_who_asks_first() -> None:
    source = """
        a = b + ['keras>=2']
        b = a + ['keras<3']
        all_of_them = {"first": a, "second": b}
        setup(install_requires=all_of_them["second"])
    """
    assert pins(source) == [(1, "keras>=2"), (2, "keras<3")]


@pytest.mark.parametrize("expression", ["names[1:]", "[names[1]]", "['%s' % names[1]]", "names[i:j][::-1]"])
def test_what_is_taken_out_of_a_list_is_something_of_that_list(expression: str) -> None:
    assert pins(f"names = ['numpy', 'keras>=2']\nsetup(install_requires={expression})") == [(1, "keras>=2")]


# -------------------------------------------------------------------------------------------------------- keywords


@pytest.mark.parametrize(
    "statement",
    [
        "kw = dict(name='x', install_requires=['keras>=2'])",
        "kw = {'name': 'x', 'install_requires': ['keras>=2']}",
        "kw['install_requires'] = ['keras>=2']",
        "kw.update(install_requires=['keras>=2'])",
        "kw.update({'install_requires': ['keras>=2']})",
        "kw.setdefault('install_requires', ['keras>=2'])",
        "kw.setdefault('install_requires', []).append('keras>=2')",
        "kw['install_requires'].append('keras>=2')",
        "kw['install_requires'] += ['keras>=2']",
        "kw['extras_require']['tf'] = ['keras>=2']",
        "kw = dict(base, **{'install_requires': ['keras>=2']})",
    ],
)
def test_keywords_may_reach_setup_in_a_dict(statement: str) -> None:
    assert pins(f"kw = {{'keywords': ['keras']}}\n{statement}\nsetup(**kw)") == [(2, "keras>=2")]


def test_of_a_dict_only_the_key_that_is_asked_for_counts() -> None:
    source = """
        extras = {"tf": ["tensorflow>=2"], "keras": ["keras>=3"]}
        setup(install_requires=extras["tf"])
    """
    assert pins(source) == [(1, "tensorflow>=2")]


def test_an_extra_that_sums_up_the_others_changes_nothing() -> None:
    source = """
        extras = {"tf": ["tensorflow>=2"]}
        extras["all"] = sum(extras.values(), [])
        extras["more"] = [one for extra in extras.values() for one in extra]
        setup(extras_require=extras)
    """
    assert pins(source) == [(1, "tensorflow>=2")]


# --------------------------------------------------------------------------------------------------------- strings


@pytest.mark.parametrize(
    "string",
    [
        "'%s>=1.4' % tf",
        "'{}>=1.4'.format(tf)",
        "'{0}>=1.4'.format(tf)",
        "'{name}>={low}'.format(name=tf, low='1.4')",
        "f'{tf}>={low}'",
        "'%s>=%s' % (tf, low)",
        "'%(tf)s>=1.4' % {'tf': tf}",
        "tf + '>=1.4'",
        "tf + '>=' + low",
        "tf + '>=' + str(1.4)",
        "''.join([tf + '>=1.4'])",
        "'TF>=1.4'.replace('TF', tf)",
    ],
)
def test_a_requirement_may_be_put_together_of_constants(string: str) -> None:
    found = everything(
        f"tf = 'tensorflow-gpu' if gpu else 'tensorflow'\nlow = '1.4'\nsetup(install_requires=[{string}])"
    )
    assert {(pin.text, pin.specifier) for pin in found if isinstance(pin, Pin)} == {
        ("tensorflow-gpu>=1.4", ">=1.4"),
        ("tensorflow>=1.4", ">=1.4"),
    }


@pytest.mark.parametrize(
    "string",
    [
        "'tensorflow>=%s' % version()",
        "'tensorflow>={}'.format(os.environ['TF'])",
        "f'tensorflow>={minimum}'",
        "'tensorflow==' + minimum",
        "'tensorflow' + bounds",
        "'tensorflow>=2.0,<%s' % unknown",
    ],
)
def test_a_bound_that_cannot_be_known_leaves_a_pin_without_one(string: str) -> None:
    assert pins(f"setup(install_requires=[{string}])") == [(1, "tensorflow")]


def test_a_bound_that_is_known_only_sometimes_leaves_both() -> None:
    source = "low = os.environ.get('LOW', '2.0')\nsetup(install_requires=['keras>=%s' % (find() or low)])"
    assert pins(source) == [(2, "keras"), (2, "keras>=2.0")]


def test_a_pin_with_a_gap_shows_it() -> None:
    (pin,) = everything("setup(install_requires=['keras>=%s' % low])")
    assert isinstance(pin, Pin) and pin.text == "keras>=…"


@pytest.mark.parametrize(
    "string", ["'keras-%s' % what", "name + '>=2'", "f'keras_{what}'", "'%s' % 'numpy'", "None", "1"]
)
def test_a_name_that_cannot_be_known_is_no_pin(string: str) -> None:
    assert pins(f"setup(install_requires=[{string}])  # keras") == []


def test_a_marker_that_cannot_be_known_leaves_the_bound_as_it_is() -> None:
    assert pins("setup(install_requires=['keras>=2; python_version < \"%s\"' % low])") == [(1, "keras>=2")]


def test_values_of_a_dict_are_not_mixed_with_the_names_of_others() -> None:
    source = """
        table = {"keras": ">=2.2", "numpy": "<1.17"}
        setup(install_requires=[name + bound for name, bound in table.items()])
    """
    assert pins(source) == [(1, "keras")]


# ----------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "expression",
    [
        "open('requirements.txt').read().splitlines()",
        "open('requirements.txt').read().split('\\n')",
        "[line.strip() for line in open('requirements.txt')]",
        "io.open(os.path.join(here, 'requirements.txt'), encoding='utf-8').readlines()",
        "codecs.open(path.join(here, 'requirements.txt')).read()",
        "open(here + '/requirements.txt').read()",
        "open(f'{here}/requirements.txt').read()",
        "Path('requirements.txt').read_text().splitlines()",
        "(Path(__file__).parent / 'requirements.txt').read_text()",
        "(HERE / 'requirements.txt').open().readlines()",
        "[str(r.req) for r in parse_requirements('requirements.txt', session=False)]",
        "parse_requirements(open('./requirements.txt'))",
        "load_requirements(fname='requirements.txt')",
        "list(map(str.strip, open('requirements.txt').readlines()))",
        "filter(None, open('requirements.txt').read().strip().split())",
    ],
)
def test_a_file_of_requirements_that_is_read_counts(expression: str) -> None:
    (pin,) = everything(f"setup(install_requires={expression})", requirements="numpy\nkeras==2.2.4\n")
    assert isinstance(pin, Pin)
    assert (pin.path, pin.line, pin.specifier) == ("requirements.txt", 2, "==2.2.4")


@pytest.mark.parametrize(
    "body",
    [
        "return open(name).read().splitlines()",
        "with open(os.path.join(here, name)) as f: return f.read().splitlines()",
        "with open(name) as f: return list(map(lambda x: x.strip(), f.readlines()))",
        "with open(name) as f: return [l for l in f if not l.startswith('#')]",
        "lines = open(name).readlines(); return [l.strip() for l in lines]",
        "return ''.join(subprocess.check_output(['cat', name]))",
        "yield from open(name)",
    ],
)
def test_a_helper_function_is_followed_to_the_file_that_it_is_told_to_read(body: str) -> None:
    calls = "long_description=get('other.txt'), install_requires=get('deep/base.txt')"
    source = f"def get(name, *rest):\n    {body}\nsetup({calls})"
    assert files_read(source, deep__base="keras>=2", other="keras>=3", base="keras>=1") == ["deep/base.txt"]


def test_a_helper_function_may_know_its_file_itself() -> None:
    source = """
        def requirements():
            out = []
            with open("requirements.txt") as file:
                for line in file:
                    out.append(line.strip())
            return out
        def extra(name="more.txt"):
            return open(name).read()
        def parts(*names):
            return open(os.path.join(here, *names)).read()
        setup(install_requires=requirements(), tests_require=extra(), extras_require={"x": parts("deep", "base.txt")})
    """
    others = {"requirements": "keras>=2", "more": "keras>=3", "deep__base": "keras>=4"}
    assert files_read(source, **others) == ["requirements.txt", "more.txt", "deep/base.txt"]


def test_a_function_that_wraps_setup_gets_its_arguments_from_its_callers() -> None:
    source = """
        def run(requires, **kw):
            setup(install_requires=requires)
        run(["keras>=2"])
    """
    assert pins(source) == [(3, "keras>=2")]


def test_files_that_nobody_installs_from_are_left_alone() -> None:
    source = """
        readme = open("notes.txt").read()
        setup(long_description=readme, install_requires=open("README.md").read())
    """
    assert files_read(source, notes="keras>=2") == []


def test_a_file_that_is_not_there_is_nothing() -> None:
    assert everything("setup(install_requires=open('requirements.txt').read())  # keras") == []


def test_only_files_beside_setup_py_are_read() -> None:
    files = MemoryFiles(
        {
            "a/setup.py": "setup(install_requires=open('/r.txt').read())",
            "a/r.txt": "keras==2.0",
            "r.txt": "keras==1.0",
        }
    )
    assert [(pin.path, pin.specifier) for pin in read("a/setup.py", files) if isinstance(pin, Pin)] == [
        ("a/r.txt", "==2.0")
    ]


# ----------------------------------------------------------------------------------------------------- awkward text


def test_python_2_is_read() -> None:
    source = """
        from distutils.core import setup
        print "needs keras"
        try:
            pass
        except Exception, error:
            raise ValueError, error
        setup(install_requires=['keras<1.0', u'numpy'])
    """
    assert pins(source) == [(7, "keras<1.0")]


def test_python_2_with_tabs_and_blanks_mixed_is_read() -> None:
    assert pins("if True:\n        r = ['numpy']\n\tr += ['keras<1.0']\nprint r\nsetup(install_requires=r)") == [
        (3, "keras<1.0")
    ]


def test_a_declared_encoding_is_heeded() -> None:
    raw = "# coding: latin-1\nsetup(author='Bj\u00f6rn', install_requires=['keras>=2'])".encode("latin-1")
    assert [item.line for item in everything(raw)] == [2]


def test_a_file_that_is_no_python_is_reported_once_with_its_line() -> None:
    (unread,) = everything("x = 1\nsetup(install_requires=['keras'\n)]\n")
    assert isinstance(unread, Unread)
    assert (unread.line, unread.message.startswith("not valid Python: ")) == (3, True)


def test_a_broken_file_that_does_not_speak_of_keras_is_left_alone() -> None:
    assert everything("setup(install_requires=['numpy'") == []


def test_a_file_that_cannot_be_decoded_is_reported() -> None:
    (unread,) = everything(b"# keras\nx = '\xff'\n")
    assert isinstance(unread, Unread)
    assert unread.line == 2


def test_a_file_that_nests_too_deeply_for_any_parser_is_reported_with_its_line() -> None:
    (unread,) = everything(f"# keras\nx = {'(' * 5000}{')' * 5000}")
    assert isinstance(unread, Unread)
    assert (unread.line, "nested" in unread.message) == (2, True)


def test_a_missing_file_is_nothing() -> None:
    assert list(read("setup.py", MemoryFiles({}))) == []


def test_a_long_sum_is_followed_to_its_end() -> None:
    long = " + ".join(["['numpy']"] * 150 + ["['keras>=2']"])
    assert pins(f"setup(install_requires={long})") == [(1, "keras>=2")]


@pytest.mark.parametrize(
    "text",
    [
        f"setup(install_requires={'[' * 90}'keras'{']' * 90})",
        f"setup(install_requires=['keras', {'f(' * 90}x{')' * 90}])",
        "\n".join(
            ["x0 = ['keras']", *(f"x{n + 1} = f{n}(x{n}, x{n})\ndef f{n}(a, b): return g(a) + g(b)" for n in range(90))]
        )
        + "\ndef g(x): return x\nsetup(install_requires=x90)",
    ],
    ids=["deep list", "deep calls", "many calls"],
)
def test_what_is_left_out_as_too_involved_is_said(text: str) -> None:
    found = everything(text)
    assert [item.message for item in found if isinstance(item, Unread)] != []


def test_a_function_that_calls_itself_comes_to_an_end() -> None:
    source = """
        def get(n):
            return ["keras>=2"] + get(n - 1) + get(n - 2)
        setup(install_requires=get(9))
    """
    assert pins(source) == [(2, "keras>=2")]


def test_a_string_that_doubles_stays_small() -> None:
    doubling = "s = 'keras'\n" + "s = s + s\n" * 40 + "setup(install_requires=[s])"
    assert all(len(item.text) < 50_000 for item in everything(doubling) if isinstance(item, Pin))


# ------------------------------------------------------------------------------------------------------ in general

_NAMES = st.sampled_from(["a", "b", "f", "setup", "open", "dict", "path"])
_STRINGS = st.sampled_from(
    ["keras>=2", "tensorflow%s", "{}{a}", "r.txt", "%(a)s%%", "\n", "install_requires", "keras\0"]
)
_EXPRESSIONS = st.recursive(
    _NAMES | _STRINGS.map(repr) | st.integers(-1, 3).map(str),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+%/|-*"), inner).map("({0[0]}) {0[1]} ({0[2]})".format),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, max_size=3).map(lambda items: f"({' '.join(item + ',' for item in items)})"),
        st.tuples(inner, inner).map("{{{0[0]}: {0[1]}, **({0[1]})}}".format),
        st.tuples(
            inner, st.sampled_from(["format", "join", "split", "get", "replace", "read", "items", "x"]), inner
        ).map("({0[0]}).{0[1]}({0[2]}, *({0[0]}), a={0[2]})".format),
        st.tuples(_NAMES, inner, inner).map("{0[0]}({0[1]}, *({0[2]}), install_requires={0[1]}, **({0[2]}))".format),
        st.tuples(inner, inner).map("({0[0]})[{0[1]}]".format),
        st.tuples(inner, inner).map("[({0[0]}) for a, b in ({0[1]}).items() for f in b]".format),
        st.tuples(inner, inner).map("(lambda a, *b, f=({0[0]}): ({0[1]}))".format),
    ),
    max_leaves=12,
)
_STATEMENTS = st.one_of(
    st.tuples(_NAMES, _EXPRESSIONS).map("{0[0]} = {0[1]}".format),
    st.tuples(_NAMES, _EXPRESSIONS).map("{0[0]} += {0[1]}".format),
    st.tuples(_NAMES, _EXPRESSIONS).map("{0[0]}, a = {0[1]}".format),
    st.tuples(_NAMES, _EXPRESSIONS).map("{0[0]}.extend({0[1]})".format),
    st.tuples(_NAMES, _EXPRESSIONS, _EXPRESSIONS).map("{0[0]}[{0[1]}] = {0[2]}".format),
    st.tuples(_NAMES, _EXPRESSIONS).map("def {0[0]}(a, b=1, *path, f=2, **k): return {0[1]}".format),
    st.tuples(_NAMES, _EXPRESSIONS).map("for {0[0]} in {0[1]}: pass".format),
    _EXPRESSIONS.map("setup(install_requires={0}, **({0}))".format),
)


@settings(deadline=None)
@given(st.lists(_STATEMENTS, max_size=8).map("\n".join))
def test_whatever_python_a_file_holds_its_reader_comes_to_an_end_with_lines_of_that_file(text: str) -> None:
    ast.parse(text)
    for item in everything(text + "\n# keras", r="keras==1.0"):
        assert 1 <= item.line <= text.count("\n") + 1


@settings(deadline=None)
@given(
    st.binary(max_size=200).map(lambda raw: b"keras" + raw)
    | st.text(max_size=200).map(lambda text: f"keras{text}".encode())
)
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    for item in everything(raw):
        assert item.path == "setup.py"
