/* The upper of two 16-bit sums in a word; the lower one lies in -32768 .. 32767. */
static inline int32_t @high_lane(uint32_t sums)
{
    return (int32_t)(sums + 0x8000u) >> 16;
}
