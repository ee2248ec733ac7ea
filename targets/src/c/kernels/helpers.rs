//! Static inline C functions that kernels share. Every one is plain C11 and C++.

use super::Helper;

macro_rules! helper {
    ($(#[$doc:meta])* $name:ident, $order:expr, $text:expr) => {
        $(#[$doc])*
        pub(crate) const $name: Helper = Helper { order: $order, text: $text };
    };
}
pub(crate) use helper;

helper!(
    /// `@scale_double(x, multiplier, shift)`.
    SCALE_DOUBLE, 10, "\
/* x * multiplier / 2^31 * 2^shift, rounded twice: to the doubled high word, then at the right shift (halves away from zero). */
static inline int32_t @scale_double(int32_t x, int32_t multiplier, int32_t shift)
{
    int32_t shifted = shift > 0 ? (int32_t)((uint32_t)x << shift) : x;
    int32_t high = (int32_t)(((int64_t)shifted * multiplier + (1 << 30)) >> 31);
    if (shift >= 0) {
        return high;
    }
    int32_t mask = (int32_t)((1u << -shift) - 1u);
    int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> -shift) + ((high & mask) > threshold ? 1 : 0);
}
"
);

helper!(
    /// `@scale_single(x, multiplier, shift)`.
    SCALE_SINGLE, 11, "\
/* x * multiplier / 2^31 * 2^shift, rounded once, halves up. */
static inline int32_t @scale_single(int32_t x, int32_t multiplier, int32_t shift)
{
    int64_t product = (int64_t)x * multiplier + ((int64_t)1 << (30 - shift));
    return (int32_t)(product >> (31 - shift));
}
"
);

helper!(
    /// `@scale_wide(x, multiplier, shift)`: 64-bit accumulators of 16-bit activations.
    SCALE_WIDE, 12, "\
/* x * multiplier / 2^31 * 2^shift for a 64-bit x, the multiplier cut to 16 bits, rounded once, halves up. */
static inline int32_t @scale_wide(int64_t x, int32_t multiplier, int32_t shift)
{
    int32_t reduced = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
    return (int32_t)((x * reduced + ((int64_t)1 << (14 - shift))) >> (15 - shift));
}
"
);

helper!(
    /// `@clamp(x, low, high)`.
    CLAMP, 13, "\
static inline int32_t @clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}
"
);

helper!(
    /// `@clampf(x, low, high)`.
    CLAMP_F32, 14, "\
static inline float @clampf(float x, float low, float high)
{
    return x < low ? low : (x > high ? high : x);
}
"
);
