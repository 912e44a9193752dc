// The GRU whose reset gate acts after the product, between two products; see elman.cu for what each name means.  Tags
// as in minirnn/cells/gru.py.  W and W_h stand in one matrix of three blocks, since one product serves all gates.

#define GATES 3                 // u, r, c
#define STATES 1
#define EXTRA 1                 // k = W_h h + b_hn; its gradient is kept besides da, for (G20) and (G21)
#define OWN 1                   // rows of v

__device__ real start(const real *a, const real *b_hn, int n, int gate, int j)
{
    return gate < 2 ? a[gate * n + j] : b_hn[j];                    // (G1), (G5)
}

__device__ void step(const real *s, real partner, real a_c, const real *before, int j, const real *v, real gain,
                     real *after, real *kept, real *extra)
{
    const real u = kept[0] = sigmoid(s[0]), r = kept[1] = sigmoid(s[1]);        // (G2)
    const real k = *extra = s[2];                                   // (G5)
    const real c = kept[2] = tanh(a_c + r * k);                     // (G6) (G8)
    after[0] = before[0] + u * (c - before[0]);                     // (G9)
}

__device__ void undo(const real *d, real d_partner, const real *kept, real partner, real k, const real *before,
                     const real *after, int j, const real *v, real gain, real *da, real *dp, real *carry)
{
    const real u = kept[0], r = kept[1], c = kept[2];
    const real dc = d[0] * u;                                       // (G10) undoes (G9) in c
    da[2] = dc * (1 - c * c);                                       // (G11) undoes (G8)
    dp[0] = da[0] = dc * (c - before[0]) * (1 - u);                 // (G12) undoes (G9) in u, (G2)
    const real dr = da[2] * k;                                      // (G17) undoes (G6) in r
    dp[1] = da[1] = dr * r * (1 - r);                               // (G24) undoes (G2)
    dp[2] = da[2] * r;                                              // (G18) undoes (G6) in k
    carry[0] = d[0] - dc;                                           // (G25) what does not pass through W or W_h
}
