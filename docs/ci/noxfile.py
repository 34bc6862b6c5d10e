import nox


@nox.session
def reglint(session: nox.Session) -> None:
    """Does the regularization do what it should?"""
    session.install("reglint")
    session.run("reglint", "check", *session.posargs)
