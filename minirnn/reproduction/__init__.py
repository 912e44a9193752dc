"""What the papers claim, as experiments with a verdict: a grid of runs, a rule that decides, and a page.

A target is declared in tasks/targets/PAPER/NAME.toml, and found because it is there.
"""

from minirnn.reproduction.judgement import Judgement, judge
from minirnn.reproduction.target import SCALES, Target, find, names, papers, select

__all__ = ["SCALES", "Judgement", "Target", "find", "judge", "names", "papers", "select"]
