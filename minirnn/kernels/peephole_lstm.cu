// The LSTM whose gates see the memory, between two products; see elman.cu for what each name means.  Tags as in
// minirnn/cells/peephole_lstm.py.

#define GATES 4                 // i, f, g, o
#define STATES 2                // h, c
#define EXTRA 1                 // tanh c
#define OWN 3                   // rows of v: p_i, p_f, p_o

__device__ real start(const real *a, const real *v, int n, int gate, int j) { return a[gate * n + j]; }    // (P1)

__device__ void step(const real *s, real partner, real a_last, const real *before, int j, const real *p, real gain,
                     real *after, real *kept, real *extra)
{
    const real i = kept[0] = sigmoid(s[0] + p[0] * before[1]);      // (P2)
    const real f = kept[1] = sigmoid(s[1] + p[1] * before[1]);      // (P3)
    const real g = kept[2] = tanh(s[2]);                            // (P4)
    const real c = after[1] = f * before[1] + i * g;                // (P5)
    const real o = kept[3] = sigmoid(s[3] + p[2] * c);              // (P6)
    *extra = tanh(c);
    after[0] = o * *extra;                                          // (P7)
}

__device__ void undo(const real *d, real d_partner, const real *kept, real partner, real tanh_c, const real *before,
                     const real *after, int j, const real *p, real gain, real *da, real *dp, real *carry)
{
    const real i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    da[3] = d[0] * tanh_c * o * (1 - o);                            // (P8)  undoes (P7) in o, (P6)
    const real dc = d[1] + d[0] * o * (1 - tanh_c * tanh_c) + da[3] * p[2];     // (P9)  undoes (P7), (P6) in c
    da[2] = dc * i * (1 - g * g);                                   // (P10) undoes (P5) in g, (P4)
    da[1] = dc * before[1] * f * (1 - f);                           // (P11) undoes (P5) in f, (P3)
    da[0] = dc * g * i * (1 - i);                                   // (P12) undoes (P5) in i, (P2)
    carry[1] = dc * f + da[1] * p[1] + da[0] * p[0];                // (P13) undoes (P5), (P3), (P2) in c
    for (int k = 0; k < 4; k++) dp[k] = da[k];
    carry[0] = 0;                                                   // (P14) all of it passes through W
}
