// Enough of CUDA to run a kernel on the host: one context per CUDA thread, switched at __syncthreads.
//
// Blocks run one after the other.  Within a block each thread runs to the next barrier before another runs, in ascending
// or in descending order; a kernel that needs a barrier it does not have gives two different results.  Shared memory
// starts as NaN in every block, so what is read before it is written shows.  A thread that leaves early is only allowed
// where no other waits at a barrier.  After the kernel's source, EMULATE(name) exports emulate_<name>(blocks, threads,
// shared_bytes, descending, arguments), where `arguments` point at each argument as cuLaunchKernel takes them; it
// returns 0, or 1 where shared memory past shared_bytes was written, or 2 for a barrier that not all threads reach.

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__ static inline
#define __shared__
#define __launch_bounds__(n)

using std::fabs;
using std::sqrt;
using std::tanh;

struct dim3 { int x = 1, y = 1, z = 1; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

const int MOST = 1024, STACK = 64 * 1024;
static ucontext_t scheduler, threads[MOST];
static char *stacks = nullptr;
static bool done[MOST];
static void (*body)(void *);
static void *body_argument;

static void poison();                       // all bits set, which is a NaN
static bool untouched(size_t bytes);        // whether shared memory past so many bytes is as it was poisoned

static void run()
{
    body(body_argument);
    done[threadIdx.x] = true;
    swapcontext(&threads[threadIdx.x], &scheduler);
}

static bool run_block(int count, bool descending)
{
    if (!stacks) stacks = (char *) std::malloc((size_t) MOST * STACK);
    for (int i = 0; i < count; i++) {
        getcontext(&threads[i]);
        threads[i].uc_stack.ss_sp = stacks + (size_t) i * STACK;
        threads[i].uc_stack.ss_size = STACK;
        threads[i].uc_link = nullptr;
        makecontext(&threads[i], run, 0);
        done[i] = false;
    }
    for (;;) {
        int left = 0;
        for (int k = 0; k < count; k++) {
            const int i = descending ? count - 1 - k : k;
            threadIdx.x = i;
            swapcontext(&scheduler, &threads[i]);                   // until its next barrier, or its end
            left += !done[i];
        }
        if (left == 0) return true;
        if (left < count) return false;
    }
}

template <class... A, size_t... I>
static int launch(void (*kernel)(A...), int blocks, int count, size_t shared_bytes, bool descending, void **arguments,
                  std::index_sequence<I...>)
{
    auto call = [&] { kernel(*(A *) arguments[I]...); };
    body = [](void *f) { (*(decltype(call) *) f)(); };
    body_argument = &call;
    gridDim.x = blocks;
    blockDim.x = count;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        poison();
        if (!run_block(count, descending)) return 2;
        if (!untouched(shared_bytes)) return 1;
    }
    return 0;
}

template <class... A>
static int launch(void (*kernel)(A...), int blocks, int count, size_t shared_bytes, bool descending, void **arguments)
{
    return launch(kernel, blocks, count, shared_bytes, descending, arguments, std::index_sequence_for<A...>());
}

}  // namespace emulation

static void __syncthreads() { swapcontext(&emulation::threads[threadIdx.x], &emulation::scheduler); }

// The shared memory of a kernel that declares it as `extern __shared__ TYPE memory[]`.
#define SHARED_MEMORY(TYPE)                                                                             \
    const size_t SHARED_LIMIT = 227 * 1024;                                                             \
    TYPE memory[SHARED_LIMIT / sizeof(TYPE)];                                                           \
    void emulation::poison() { std::memset((void *) memory, 0xff, sizeof memory); }                     \
    bool emulation::untouched(size_t bytes)                                                             \
    {                                                                                                   \
        for (size_t i = bytes; i < sizeof memory; i++) if (((unsigned char *) memory)[i] != 0xff) return false;   \
        return true;                                                                                    \
    }

#define EMULATE(name)                                                                                   \
    extern "C" int emulate_##name(int blocks, int count, long shared_bytes, int descending, void **arguments)     \
    {                                                                                                   \
        return emulation::launch(name, blocks, count, shared_bytes, descending, arguments);             \
    }
