"""As much of a subject as a diagnostic of its square matrices asks for."""


class Blocks:
    def __init__(self, **blocks):
        self.blocks = blocks

    def square_matrices(self):
        return self.blocks
