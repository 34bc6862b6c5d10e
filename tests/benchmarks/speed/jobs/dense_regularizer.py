"""The job as a rule of Fixit 2."""

import libcst
from fixit import LintRule
from libcst.metadata import QualifiedNameProvider

KEYWORDS = {"W_regularizer", "weight_regularizer"}


class DenseRegularizer(LintRule):
    """Finds ``W_regularizer=`` and ``weight_regularizer=`` in calls of Keras's Dense."""

    MESSAGE = "Dense takes kernel_regularizer"
    METADATA_DEPENDENCIES = (QualifiedNameProvider,)

    def visit_Call(self, node: libcst.Call) -> None:
        """Reports the keyword in a call of something that is called Dense where it comes from."""
        if any(argument.keyword is not None and argument.keyword.value in KEYWORDS for argument in node.args):
            names = self.get_metadata(QualifiedNameProvider, node.func, set())
            if any(name.name.rpartition(".")[2] == "Dense" for name in names):
                self.report(node)
