"""A row of the gradient check in one line, for a test that fails to say which."""


def describe(row):
    return f"{row.component} {row.example} {row.parameter}: error {row.error:.1e}, slope {row.slope:.3f}, {row.hint}"
