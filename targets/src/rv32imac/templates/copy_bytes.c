/* Whole words where both ends allow it. */
static void @copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
#if defined(__GNUC__)
    if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0u) {
        for (; count >= 16; count -= 16) {
            memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 16);
            to += 16;
            from += 16;
        }
    }
#endif
    for (; count >= 4; count -= 4) {
        int8_t a = from[0], b = from[1], c = from[2], d = from[3];
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
        to += 4;
        from += 4;
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}
