"""The job as a plain LibCST codemod, run by LibCST's own runner over as many processes as it likes.

codemod.py FOLDER
"""

import sys

import libcst
from libcst.codemod import CodemodContext, VisitorBasedCodemodCommand, gather_files
from libcst.codemod import parallel_exec_transform_with_prettyprint as run
from libcst.metadata import QualifiedNameProvider

KEYWORDS = {"W_regularizer", "weight_regularizer"}


class DenseRegularizer(VisitorBasedCodemodCommand):
    """Warns of ``W_regularizer=`` and ``weight_regularizer=`` in calls of Keras's Dense; changes nothing."""

    METADATA_DEPENDENCIES = (QualifiedNameProvider,)

    def visit_Call(self, node: libcst.Call) -> None:
        """Warns of the keyword in a call of something that is called Dense where it comes from."""
        if any(argument.keyword is not None and argument.keyword.value in KEYWORDS for argument in node.args):
            names = self.get_metadata(QualifiedNameProvider, node.func, set())
            if any(name.name.rpartition(".")[2] == "Dense" for name in names):
                self.warn("Dense takes kernel_regularizer")


if __name__ == "__main__":
    files = gather_files(sys.argv[1:])
    run(DenseRegularizer(CodemodContext()), files, hide_progress=True, repo_root=None, format_code=False)
