// Activations of a real z, one unit at a time: h = f(z), and its adjoint.  The tags are those of minirnn/activations.
//
// Macros: REAL float or double; ACTIVATION one of the names below; GAIN 1 where minirnn.activations.Gain is around f.
// v is the unit's own parameter: the slope of leaky-relu and prelu, the b of modrelu.  `partner` is the same quantity
// of the other unit of the pair, which only oplu reads.  A NaN stays a NaN, as in NumPy.

typedef REAL real;
typedef long long offset;                           // T B GATES n may exceed 32 bits

#define TANH 0
#define RELU 1
#define LEAKY 2         // leaky-relu and prelu
#define ABS 3
#define IDENTITY 4
#define OPLU 5
#define MODRELU 6

#ifndef ACTIVATION
#define ACTIVATION TANH
#endif
#ifndef GAIN
#define GAIN 0
#endif
#ifndef MODRELU_E2      // modrelu's three constants against 0/0; zero is the exact formula
#define MODRELU_E2 0
#define MODRELU_DELTA 0
#define MODRELU_D 0
#endif

__device__ real sigmoid(real x) { return real(0.5) * tanh(real(0.5) * x) + real(0.5); }     // cannot overflow

__device__ real divisor(real x) { return x > 0 ? x : real(1); }

__device__ real modulus(real z)                     // of modrelu: below 1000 times the smallest normal number it is 0
{
    return fabs(z) < real(sizeof(real) == 4 ? 1.1754943508222875e-35 : 2.2250738585072014e-305) ? real(0) : fabs(z);
}

__device__ real activate(real z, real partner, int j, real v)
{
#if ACTIVATION == TANH
    return tanh(z);                                                 // (T1)
#elif ACTIVATION == RELU
    return z <= 0 ? real(0) : z;                                    // (R1); fmax would lose a NaN
#elif ACTIVATION == LEAKY
    return z > 0 ? z : v * z;                                       // (K1), (PR1)
#elif ACTIVATION == ABS
    return fabs(z);                                                 // (A1)
#elif ACTIVATION == IDENTITY
    return z;                                                       // (I1)
#elif ACTIVATION == OPLU
    const bool swap = j % 2 ? partner < z : z < partner;            // (OP1); a tie is not swapped
    return swap ? partner : z;                                      // (OP2)
#elif ACTIVATION == MODRELU
    const real a = modulus(z);
    const real m = hypot(a, sqrt(real(MODRELU_E2))) + real(MODRELU_DELTA);          // (MR1)
    const bool on = m + v >= 0;                                     // (MR2)
    const real p = m + real(MODRELU_D) > 0 ? (m + v) / (m + real(MODRELU_D)) : real(1);     // (MR3)
    return on ? p * z : 0 * z;                                      // (MR4); 0 z, so that a NaN stays
#endif
}

__device__ real activate_backward(real dh, real dh_partner, real z, real partner, real h, int j, real v)
{
#if ACTIVATION == TANH
    return dh * (1 - h * h);                                        // (T2)  undoes (T1)
#elif ACTIVATION == RELU
    return h > 0 ? dh : 0 * dh;                                     // (R2)  undoes (R1)
#elif ACTIVATION == LEAKY
    return z > 0 ? dh : v * dh;                                     // (K2), (PR2)  undoes (K1), (PR1)
#elif ACTIVATION == ABS
    return z >= 0 ? dh : -dh;                                       // (A2)  undoes (A1): +1 at 0
#elif ACTIVATION == IDENTITY
    return dh;                                                      // (I2)  undoes (I1)
#elif ACTIVATION == OPLU
    const bool swap = j % 2 ? partner < z : z < partner;
    return swap ? dh_partner : dh;                                  // (OP3) undoes (OP2)
#elif ACTIVATION == MODRELU
    const real a = modulus(z);
    const real e = hypot(a, sqrt(real(MODRELU_E2))), m = e + real(MODRELU_DELTA);
    const bool on = m + v >= 0;
    const real p = m + real(MODRELU_D) > 0 ? (m + v) / (m + real(MODRELU_D)) : real(1);
    const real c = a / divisor(e);                                  // (MR7)
    const real t = a / divisor(m + real(MODRELU_D));                        // (MR8)
    const real r = 1 + (p - 1) * (1 - c * t);                       // (MR9)
    return (on ? 1 : 0) * (a > 0 ? r : p) * dh;                     // (MR10) undoes (MR4): u² = 1, or u = 0 at z = 0
#endif
}
