// All that lies between two products of one time step, in one launch: one thread per unit and example.
//
// A product P = h Wᵀ (rows, GATES n), for the GRU with W_h's block too, was made by the library; `forward` adds it
// to a, applies the cell, and overwrites a with what the cell keeps, as the cell's Python does.  The barrier stands
// between reading a and overwriting it, since oplu reads the other unit of its pair, which is in the same block.
// size is rows * n; every array but a, P and da (rows, GATES n) is (rows, n).

extern "C" __global__ void forward(int size, int n, const real *P, real *a, const real *h_prev, const real *c_prev,
                                   real *h, real *c, real *extra, const real *v, const real *gain)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, row = i / n, j = i - row * n;
    const offset at = (offset) row * GATES * n;
    real s[GATES], partner = 0, a_last = 0;
    if (i < size) {
        for (int g = 0; g < GATES; g++) s[g] = start(a + at, v, n, g, j) + P[at + g * n + j];
        if (ACTIVATION == OPLU) partner = start(a + at, v, n, 0, j ^ 1) + P[at + (j ^ 1)];
        a_last = a[at + (GATES - 1) * n + j];
    }
    __syncthreads();
    if (i < size) {
        real before[2] = {h_prev[i], STATES > 1 ? c_prev[i] : 0}, after[2], kept[GATES], more, own[OWN];
        for (int k = 0; k < OWN; k++) own[k] = v ? v[k * n + j] : 0;
        step(s, partner, a_last, before, j, own, GAIN ? gain[0] : 1, after, kept, &more);
        for (int g = 0; g < GATES; g++) a[at + g * n + j] = kept[g];
        h[i] = after[0];
        if (STATES > 1) c[i] = after[1];
        if (EXTRA) extra[i] = more;
    }
}

// dh, dc: ∂L/∂state, complete.  kept: a as `forward` left it.  Writes da (rows, GATES n); dP, likewise, where it
// differs from da (GRU), else null; and what the state before receives besides the product: dh_prev, or null; dc_prev.
extern "C" __global__ void backward(int size, int n, const real *kept, const real *h_prev, const real *c_prev,
                                    const real *h, const real *extra, const real *v, const real *gain, const real *dh,
                                    const real *dc, real *da, real *dP, real *dh_prev, real *dc_prev)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, row = i / n, j = i - row * n;
    if (i >= size) return;
    const offset at = (offset) row * GATES * n;
    real kept_j[GATES], own[OWN], d[2] = {dh[i], STATES > 1 ? dc[i] : 0}, out[GATES], dp[GATES], carry[2];
    real before[2] = {h_prev[i], STATES > 1 ? c_prev[i] : 0}, after[2] = {h[i], 0};
    for (int g = 0; g < GATES; g++) kept_j[g] = kept[at + g * n + j];
    for (int k = 0; k < OWN; k++) own[k] = v ? v[k * n + j] : 0;
    const bool pairs = ACTIVATION == OPLU;
    undo(d, pairs ? dh[i ^ 1] : 0, kept_j, pairs ? kept[at + (j ^ 1)] : 0, EXTRA ? extra[i] : 0, before, after, j,
         own, GAIN ? gain[0] : 1, out, dp, carry);
    for (int g = 0; g < GATES; g++) da[at + g * n + j] = out[g];
    if (dP) for (int g = 0; g < GATES; g++) dP[at + g * n + j] = dp[g];
    if (dh_prev) dh_prev[i] = carry[0];
    if (STATES > 1) dc_prev[i] = carry[1];
}
