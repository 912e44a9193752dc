// The Elman network between two products.  Tags as in minirnn/cells/elman.py.
//
// Every cell's file says the same six things: how many gates, states, kept numbers and parameters a unit has; what the
// product with h is added to; the step; and the step undone.  s: the complete sums of this unit, one per gate.  v: its
// own parameters, gain: one for all units; here those of the activation.  d: ∂L/∂state.  da: ∂L/∂a.  dp: ∂L/∂(W h),
// what the transposed product takes.  carry: what goes to the state before without passing a product.

#define GATES 1
#define STATES 1
#define EXTRA 0                 // numbers kept per unit and step besides one per gate
#define OWN 1                   // rows of v

__device__ real start(const real *a, const real *v, int n, int gate, int j) { return a[j]; }       // (E1)

__device__ void step(const real *s, real partner, real a_last, const real *before, int j, const real *v, real gain,
                     real *after, real *kept, real *extra)
{
    kept[0] = s[0];                                                 // z
    after[0] = activate(GAIN ? gain * s[0] : s[0], GAIN ? gain * partner : partner, j, v[0]);      // (E2)
}

__device__ void undo(const real *d, real d_partner, const real *kept, real partner, real extra, const real *before,
                     const real *after, int j, const real *v, real gain, real *da, real *dp, real *carry)
{
    const real y = GAIN ? gain * kept[0] : kept[0], y_partner = GAIN ? gain * partner : partner;   // (GN1)
    const real dy = activate_backward(d[0], d_partner, y, y_partner, after[0], j, v[0]);
    da[0] = dp[0] = GAIN ? gain * dy : dy;                          // (E3)  undoes (E2); (GN4)
    carry[0] = 0;                                                   // (E4)  all of it passes through W
}
