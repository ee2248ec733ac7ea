/* Two words loaded, two stored, and the dual 16-bit arithmetic of Armv7E-M. Other cores take the plain C beside it, with equal results
 * on little-endian memory. The instructions are volatile to keep their order: it is the one that fits the registers. */
typedef struct {
    int32_t low;
    int32_t high;
} @pair;

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)
typedef uint64_t __attribute__((may_alias, aligned(4))) @two_words;

static inline @pair @load_pair(const void *p)
{
    @pair r;
    __asm__ volatile("ldrd %0, %1, %2" : "=r"(r.low), "=r"(r.high) : "m"(*(const @two_words *)p));
    return r;
}

static inline void @store_pair(void *p, int32_t low, int32_t high)
{
    __asm__ volatile("strd %1, %2, %0" : "=m"(*(@two_words *)p) : "r"(low), "r"(high));
}

/* acc + x.low16 * w.low16 + x.high16 * w.high16 */
static inline int32_t @dual_mac(int32_t x, int32_t w, int32_t acc)
{
    int32_t r;
    __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(r) : "r"(x), "r"(w), "r"(acc));
    return r;
}

/* Bytes 0 and 2 as two signed halves. */
static inline int32_t @even_bytes(int32_t x)
{
    int32_t r;
    __asm__ volatile("sxtb16 %0, %1" : "=r"(r) : "r"(x));
    return r;
}

/* Bytes 1 and 3 as two signed halves. */
static inline int32_t @odd_bytes(int32_t x)
{
    int32_t r;
    __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(x));
    return r;
}

/* acc + floor(x * m / 2^32) */
static inline int32_t @high_mac(int32_t x, int32_t m, int32_t acc)
{
    int32_t r;
    __asm__("smmla %0, %1, %2, %3" : "=r"(r) : "r"(x), "r"(m), "r"(acc));
    return r;
}
/* Saturated to a signed byte; a shift of the argument joins the instruction. */
static inline int32_t @saturate8(int32_t x)
{
    return (int32_t)__builtin_arm_ssat(x, 8);
}
#else
static inline @pair @load_pair(const void *p)
{
    @pair r;
    memcpy(&r, p, sizeof r);
    return r;
}

static inline void @store_pair(void *p, int32_t low, int32_t high)
{
    @pair r = {low, high};
    memcpy(p, &r, sizeof r);
}

static inline int32_t @dual_mac(int32_t x, int32_t w, int32_t acc)
{
    int32_t low = (int32_t)(int16_t)(x & 0xFFFF) * (int16_t)(w & 0xFFFF);
    int32_t high = (x >> 16) * (w >> 16);
    return (int32_t)((uint32_t)acc + (uint32_t)low + (uint32_t)high);
}

static inline int32_t @even_bytes(int32_t x)
{
    uint32_t low = (uint32_t)(int32_t)(int8_t)(x & 0xFF) & 0xFFFFu;
    uint32_t high = (uint32_t)(int32_t)(int8_t)((x >> 16) & 0xFF) << 16;
    return (int32_t)(low | high);
}

static inline int32_t @odd_bytes(int32_t x)
{
    return @even_bytes((int32_t)((uint32_t)x >> 8));
}

static inline int32_t @high_mac(int32_t x, int32_t m, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(int32_t)(((int64_t)x * m) >> 32));
}

static inline int32_t @saturate8(int32_t x)
{
    return x < -128 ? -128 : (x > 127 ? 127 : x);
}
#endif

static inline int32_t @load_word(const void *p)
{
    int32_t r;
    memcpy(&r, p, sizeof r);
    return r;
}

/* Differences and shifts of accumulators wrap. */
static inline int32_t @wrapping_sub(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline int32_t @wrapping_shift(int32_t a, int32_t n)
{
    return (int32_t)((uint32_t)a << n);
}
