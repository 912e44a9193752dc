"""Slips of the pen that mislead nobody for long: (source, what is printed and what is meant)."""

from __future__ import annotations

SLIPS: tuple[tuple[str, str], ...] = (
    ("[chu, sec. 1]", "promises a revised proof in section 2; it stands in section 3."),
    ("[chu, sec. 3]", "refers to Equation 1; no equation carries that number, and the product in section 1 is meant."),
    ("[chu, sec. 2]", "Lemma 2 ends in a stray bar, and uses n both for the number of factors and for their size."),
    ("[chu, thm. 1]", "writes n for the size of W and h for the number of units; they are the same number."),
    ("[chu, Table 1]", "The last column is headed λγ > 1; the largest λ is meant, as in the other columns."),
    ("[chu, Figure 6]", "repeats the caption of Figure 3, experiment II with N = 100 and k = 10."),
    ("[vorontsov2017, sec. 3.1]", "lists the lengths 200, 500, 10000, 10000; Figure 1 has 200, 500, 1000, 10000."),
    ("[vorontsov2017, sec. 3.1]", "“the ordered and sequential MNIST tasks” are the ordered and the permuted one."),
    ("[vorontsov2017, eq. 10]", "is given the range [1 − m, 1 + m]; a sigmoid does not reach the ends."),
)
