/* Two signed bytes as halves, each shifted left by 8. */
static inline int32_t @tap_pair(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)low << 8 & 0xFF00u) | (uint32_t)high << 24);
}

/* acc + half of x * half of w; the letters name the halves, bottom and top. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)
static inline int32_t @mac_bt(int32_t x, int32_t w, int32_t acc)
{
    int32_t r;
    __asm__ volatile("smlabt %0, %1, %2, %3" : "=r"(r) : "r"(x), "r"(w), "r"(acc));
    return r;
}

static inline int32_t @mac_tb(int32_t x, int32_t w, int32_t acc)
{
    int32_t r;
    __asm__ volatile("smlatb %0, %1, %2, %3" : "=r"(r) : "r"(x), "r"(w), "r"(acc));
    return r;
}
#else
static inline int32_t @mac_bt(int32_t x, int32_t w, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)((int32_t)(int16_t)(x & 0xFFFF) * (w >> 16)));
}

static inline int32_t @mac_tb(int32_t x, int32_t w, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)((x >> 16) * (int32_t)(int16_t)(w & 0xFFFF)));
}
#endif
