"""What can go wrong with a model, in words for a person."""


class ModelError(Exception):
    """Something about a model did not work.

    `what` says what happened, `why` the reason, `hint` what to do next: each one sentence, any of the last two may be empty.
    """

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, hint) if part))
        self.what, self.why, self.hint = what, why, hint


class CheckpointError(ModelError):
    """A file that cannot be opened as a model: truncated, corrupt, foreign, malicious or of a family that is not supported."""


class NeedsAnswer(CheckpointError):
    """A file that leaves a question open: `models.open(path, **{key: one of choices})` answers it."""

    def __init__(self, key: str, question: str, choices: tuple[str, ...]) -> None:
        super().__init__(question, "The file does not say it.", f"Open it again with {key}={' or '.join(map(repr, choices))}.")
        self.key, self.question, self.choices = key, question, choices


class OutOfMemory(ModelError):
    """The device has no memory left for this piece of work; a smaller one may fit."""


class BadPicture(ModelError):
    """A network returned a picture that cannot be right: values that are not finite, or one flat colour."""


class BadInput(ModelError):
    """What was handed to a model does not fit it: a wrong shape, type, range, label or name."""
