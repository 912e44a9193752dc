"""Parametrizations of the recurrent matrix, one per file: W = P(θ) and its adjoint."""

from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.based_expmap import BasedExpMap
from minirnn.parametrizations.block_diagonal import BlockDiagonal
from minirnn.parametrizations.cayley import Cayley
from minirnn.parametrizations.dense import Dense
from minirnn.parametrizations.diagonal import Diagonal
from minirnn.parametrizations.expmap import ExpMap
from minirnn.parametrizations.expmap_eigh import ExpMapEigh
from minirnn.parametrizations.givens import Givens
from minirnn.parametrizations.givens_svd import GivensSVD
from minirnn.parametrizations.orthogonal import Orthogonal
from minirnn.parametrizations.plumbley import Plumbley
from minirnn.parametrizations.shuffled_blocks import ShuffledBlocks
from minirnn.parametrizations.spectral_norm import SpectralNorm
from minirnn.parametrizations.spectral_radius import SpectralRadius
from minirnn.parametrizations.stack import Stack
from minirnn.parametrizations.svd_margin import SVDMargin
from minirnn.parametrizations.unitary import Unitary
from minirnn.parametrizations.unitary_product import UnitaryProduct

__all__ = [
    "BasedExpMap", "BlockDiagonal", "Cayley", "Dense", "Diagonal", "ExpMap", "ExpMapEigh", "Givens", "GivensSVD",
    "Orthogonal", "Parametrization", "Plumbley", "SVDMargin", "ShuffledBlocks", "SpectralNorm", "SpectralRadius",
    "Stack", "Unitary", "UnitaryProduct",
]
