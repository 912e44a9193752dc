// A whole sequence in one launch per direction: the loop of minirnn/unroll.py, for every cell.
//
// A block owns ROWS examples and walks all T steps with them.  Examples never meet in a recurrence, so blocks need
// nothing of each other and a barrier within the block is enough.  The matrix stays in the block's shared memory: its
// first `resident` rows; what does not fit is read from global memory, where the second-level cache holds it.
// Each step is a product and what lies between two products, with a barrier after each.
//
// Shared memory: x (K), sums (slices * N), carried (STATES * n) of ROWS numbers each; then the matrix (resident, N).

#ifndef ROWS
#define ROWS 1                  // 1, 2, 4 or 8
#endif
#ifndef THREADS
#define THREADS 1024            // the most a block is started with, which bounds the registers per thread
#endif

struct alignas(sizeof(real) * ROWS < 16 ? sizeof(real) * ROWS : 16) Rows { real row[ROWS]; };     // one number of each

// sums[s, j] = (s == 0: first(r, j)) + Σ x[k] M[k, j] over slice s of the k; the slices are added by `total`.
// Each entry of M is read once for all rows; neighbouring threads read neighbouring entries.
template <class First>
__device__ void product(const Rows *x, int K, const real *shared, const real *M, int resident, int N, int slices,
                        Rows *sums, First first)
{
    for (int q = threadIdx.x; q < slices * N; q += blockDim.x) {
        const int s = q / N, j = q - s * N;
        Rows begun, sum;
        for (int r = 0; r < ROWS; r++) {
            begun.row[r] = s == 0 ? first(r, j) : real(0);          // asked for early, added late: hides a delay
            sum.row[r] = 0;
        }
        const int rest = K - resident;
#pragma unroll 8
        for (int k = s * resident / slices; k < (s + 1) * resident / slices; k++) {
            const real m = shared[k * N + j];
            const Rows xk = x[k];
            for (int r = 0; r < ROWS; r++) sum.row[r] += xk.row[r] * m;
        }
#pragma unroll 8
        for (int k = resident + s * rest / slices; k < resident + (s + 1) * rest / slices; k++) {
            const real m = M[(offset) k * N + j];
            const Rows xk = x[k];
            for (int r = 0; r < ROWS; r++) sum.row[r] += xk.row[r] * m;
        }
        for (int r = 0; r < ROWS; r++) sum.row[r] += begun.row[r];
        sums[q] = sum;
    }
}

__device__ real total(const Rows *sums, int slices, int N, int j, int r)
{
    real sum = sums[j].row[r];
    for (int s = 1; s < slices; s++) sum += sums[s * N + j].row[r];
    return sum;
}

// A (T, B, GATES n) comes as U x + b and leaves as what each step keeps; H, C (T + 1, B, n) hold the initial state at
// 0; extra (T, B, n), or null where nothing is kept; M (n, GATES n) is Wᵀ.
extern "C" __global__ void __launch_bounds__(THREADS)
forward(int T, int B, int n, int slices, int resident, const real *M, real *A, real *H, real *C, real *extra,
        const real *v, const real *gain)
{
    extern __shared__ Rows memory[];
    const int N = GATES * n, b0 = blockIdx.x * ROWS, rows = B - b0 < ROWS ? B - b0 : ROWS;
    Rows *h = memory, *sums = h + n, *c = sums + slices * N;
    real *shared = (real *) (c + (STATES - 1) * n);
    for (int i = threadIdx.x; i < resident * N; i += blockDim.x) shared[i] = M[i];
    for (int i = threadIdx.x; i < ROWS * n; i += blockDim.x) {
        const int r = i / n, j = i - r * n;
        const offset at = (offset) (b0 + r) * n + j;
        h[j].row[r] = r < rows ? H[at] : 0;                         // rows past the batch are zeros, and never written
        if (STATES > 1) c[j].row[r] = r < rows ? C[at] : 0;
    }
    __syncthreads();
    for (int t = 0; t < T; t++) {
        const offset here = (offset) t * B + b0, next = here + B;   // rows before these in (T, B, .), in (T + 1, B, .)
        product(h, n, shared, M, resident, N, slices, sums, [&](int r, int q) {
            return r < rows ? start(A + (here + r) * N, v, n, q / n, q % n) : real(0);
        });
        __syncthreads();
        for (int i = threadIdx.x; i < rows * n; i += blockDim.x) {
            const int r = i / n, j = i - r * n;
            real *a = A + (here + r) * N, s[GATES], kept[GATES], more;
            const offset at = (next + r) * n + j;
            for (int g = 0; g < GATES; g++) s[g] = total(sums, slices, N, g * n + j, r);
            const real partner = ACTIVATION == OPLU ? total(sums, slices, N, j ^ 1, r) : real(0);
            real before[2] = {h[j].row[r], STATES > 1 ? c[j].row[r] : 0}, after[2], own[OWN];
            for (int k = 0; k < OWN; k++) own[k] = v ? v[k * n + j] : 0;
            step(s, partner, a[(GATES - 1) * n + j], before, j, own, GAIN ? gain[0] : 1, after, kept, &more);
            for (int g = 0; g < GATES; g++) a[g * n + j] = kept[g];
            h[j].row[r] = H[at] = after[0];
            if (STATES > 1) c[j].row[r] = C[at] = after[1];
            if (EXTRA && extra) extra[(here + r) * n + j] = more;
        }
        __syncthreads();
    }
}

// Undoes `forward`.  dH (reads, B, n) is what the last `reads` steps receive from above; M (GATES n, n) is W.
// dhT, dcT (B, n), or null for zeros: ∂L/∂(last state) through what came after this sequence.
// Writes dA (T, B, GATES n); dK (T, B, n), or null: the last gate's ∂L/∂(W h) where it differs from dA; complete
// (T, B, n), or null: the whole ∂L/∂h_t, for the activation's parameters; dh0, dc0 (B, n).
extern "C" __global__ void __launch_bounds__(THREADS)
backward(int T, int B, int n, int slices, int resident, const real *M, const real *A, const real *H, const real *C,
         const real *extra, const real *v, const real *gain, int reads, const real *dH, const real *dhT, const real *dcT,
         real *dA, real *dK, real *complete, real *dh0, real *dc0)
{
    extern __shared__ Rows memory[];
    const int K = GATES * n, b0 = blockIdx.x * ROWS, rows = B - b0 < ROWS ? B - b0 : ROWS;
    Rows *dp = memory, *sums = dp + K, *carry = sums + slices * n, *dc = carry + n;
    real *shared = (real *) (carry + STATES * n);
    for (int i = threadIdx.x; i < resident * n; i += blockDim.x) shared[i] = M[i];
    for (int i = threadIdx.x; i < slices * n; i += blockDim.x) for (int r = 0; r < ROWS; r++)
        sums[i].row[r] = dhT && i < n && r < rows ? dhT[(offset) (b0 + r) * n + i] : 0;     // as a product would leave it
    for (int i = threadIdx.x; i < K; i += blockDim.x) for (int r = 0; r < ROWS; r++) dp[i].row[r] = 0;
    for (int i = threadIdx.x; i < STATES * n; i += blockDim.x) for (int r = 0; r < ROWS; r++)
        carry[i].row[r] = dcT && i >= n && r < rows ? dcT[(offset) (b0 + r) * n + i - n] : 0;
    __syncthreads();
    for (int t = T - 1; t >= 0; t--) {
        const offset here = (offset) t * B + b0;
        for (int i = threadIdx.x; i < rows * n; i += blockDim.x) {
            const int r = i / n, j = i - r * n;
            const real *a = A + (here + r) * K;
            const offset at = (here + r) * n + j, above = ((offset) (t - T + reads) * B + b0 + r) * n;
            real kept[GATES], own[OWN], out[GATES], dp_j[GATES], left[2];
            real d[2] = {total(sums, slices, n, j, r), STATES > 1 ? dc[j].row[r] : 0}, d_partner = 0;
            if (ACTIVATION == OPLU) d_partner = total(sums, slices, n, j ^ 1, r);
            if (t >= T - reads) {                                   // h_t is read above and by step t + 1: add both
                d[0] += dH[above + j];
                if (ACTIVATION == OPLU) d_partner += dH[above + (j ^ 1)];
            }
            const real before[2] = {H[at], STATES > 1 ? C[at] : 0}, after[2] = {H[at + (offset) B * n], 0};
            for (int g = 0; g < GATES; g++) kept[g] = a[g * n + j];
            for (int k = 0; k < OWN; k++) own[k] = v ? v[k * n + j] : 0;
            undo(d, d_partner, kept, ACTIVATION == OPLU ? a[j ^ 1] : real(0), EXTRA ? extra[at] : 0, before, after, j,
                 own, GAIN ? gain[0] : 1, out, dp_j, left);
            for (int g = 0; g < GATES; g++) {
                dA[(here + r) * K + g * n + j] = out[g];
                dp[g * n + j].row[r] = dp_j[g];
            }
            if (dK) dK[at] = dp_j[GATES - 1];
            if (complete) complete[at] = d[0];
            carry[j].row[r] = left[0];
            if (STATES > 1) dc[j].row[r] = left[1];
        }
        __syncthreads();
        product(dp, K, shared, M, resident, n, slices, sums, [&](int r, int j) { return carry[j].row[r]; });
        __syncthreads();
    }
    for (int i = threadIdx.x; i < rows * n; i += blockDim.x) {
        const int r = i / n, j = i - r * n;
        dh0[(offset) (b0 + r) * n + j] = total(sums, slices, n, j, r);
        if (STATES > 1) dc0[(offset) (b0 + r) * n + j] = dc[j].row[r];
    }
}
