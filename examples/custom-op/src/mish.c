#include <math.h>

void mish(const float *x0, float *y, void *scratch);

/* y = x * tanh(ln(1 + e^x)) for the two values of the network's layer. */
void mish(const float *x0, float *y, void *scratch)
{
    (void)scratch;
    for (int i = 0; i < 2; i++) {
        y[i] = x0[i] * tanhf(log1pf(expf(x0[i])));
    }
}
