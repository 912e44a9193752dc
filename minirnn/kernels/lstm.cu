// The LSTM between two products; see elman.cu for what each name means.  Tags as in minirnn/cells/lstm.py.

#define GATES 4                 // i, f, g, o
#define STATES 2                // h, c
#define EXTRA 1                 // tanh c
#define OWN 1                   // rows of v

__device__ real start(const real *a, const real *v, int n, int gate, int j) { return a[gate * n + j]; }    // (L1)

__device__ void step(const real *s, real partner, real a_last, const real *before, int j, const real *v, real gain,
                     real *after, real *kept, real *extra)
{
    const real i = kept[0] = sigmoid(s[0]);                         // (L2)
    const real f = kept[1] = sigmoid(s[1]);                         // (L3)
    const real g = kept[2] = tanh(s[2]);                            // (L4)
    const real o = kept[3] = sigmoid(s[3]);                         // (L5)
    const real c = after[1] = f * before[1] + i * g;                // (L6)
    *extra = tanh(c);
    after[0] = o * *extra;                                          // (L7)
}

__device__ void undo(const real *d, real d_partner, const real *kept, real partner, real tanh_c, const real *before,
                     const real *after, int j, const real *v, real gain, real *da, real *dp, real *carry)
{
    const real i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    const real dc = d[1] + d[0] * (o - after[0] * tanh_c);          // (L8)  undoes (L7) in c
    da[3] = d[0] * after[0] * (1 - o);                              // (L9)  undoes (L7) in o, (L5)
    carry[1] = dc * f;                                              // (L10) undoes (L6) in c
    da[1] = carry[1] * before[1] * (1 - f);                         // (L11) undoes (L6) in f, (L3)
    const real dg = dc * i;
    da[2] = dg * (1 - g * g);                                       // (L12) undoes (L6) in g, (L4)
    da[0] = dg * g * (1 - i);                                       // (L13) undoes (L6) in i, (L2)
    for (int k = 0; k < 4; k++) dp[k] = da[k];
    carry[0] = 0;                                                   // (L14) all of it passes through W
}
