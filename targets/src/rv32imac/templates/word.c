/* Keeps the loads of a tap behind the products of the one before: together they would not fit the registers.
 * And a sum settled: the compiler must not keep its summands for later. */
#if defined(__GNUC__)
#define @IN_ORDER() __asm__ volatile("" ::: "memory")
#define @SETTLED(sum) __asm__ volatile("" : "+r"(sum))
#else
#define @IN_ORDER() ((void)0)
#define @SETTLED(sum) ((void)0)
#endif

/* floor(x * m / 2^32), one instruction where there is a high multiply. */
static inline int32_t @high_mul(int32_t x, int32_t m)
{
    return (int32_t)(((int64_t)x * m) >> 32);
}

static inline int32_t @high_mac(int32_t x, int32_t m, int32_t acc)
{
    return acc + @high_mul(x, m);
}

/* Shifts of accumulators wrap. */
static inline int32_t @wrapping_shift(int32_t a, int32_t n)
{
    return (int32_t)((uint32_t)a << n);
}

/* Saturated to a signed byte. */
static inline int32_t @saturate8(int32_t x)
{
    return x < -128 ? -128 : (x > 127 ? 127 : x);
}
