"""The one exception of the engine."""


class HardyError(ValueError):
    """Bad input, or a run that failed: what was wrong, where, and what would be right.

    where: the file, dataset, row, key or value that it concerns, "" for none.
    fix: what would be right, "" where that is not known.
    """

    def __init__(self, problem: str, where: str = "", fix: str = "") -> None:
        self.problem = problem
        self.where = where
        self.fix = fix
        line = f"{where}: {problem}" if where else problem
        super().__init__(f"{line}; {fix}" if fix else line)

    def __reduce__(self) -> "tuple[type[HardyError], tuple[str, str, str]]":
        return type(self), (self.problem, self.where, self.fix)
