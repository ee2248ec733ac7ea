/* floor(x * m / 2^32), one instruction where there is a high multiply. */
static inline int32_t @high_mul(int32_t x, int32_t m)
{
    return (int32_t)(((int64_t)x * m) >> 32);
}

/* Shifts of accumulators wrap. */
static inline int32_t @wrapping_shift(int32_t a, int32_t n)
{
    return (int32_t)((uint32_t)a << n);
}
