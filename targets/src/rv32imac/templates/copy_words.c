/* The C library's copy may go byte by byte. */
static void @copy_words(int32_t *to, const int32_t *from, int32_t count)
{
    for (; count >= 4; count -= 4) {
        int32_t a = from[0], b = from[1], c = from[2], d = from[3];
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
