/* Bytes to halves, in their order. */
static void @widen_plain(int16_t *to, const int8_t *x, int32_t count)
{
    for (; count >= 4; count -= 4) {
        to[0] = x[0];
        to[1] = x[1];
        to[2] = x[2];
        to[3] = x[3];
        to += 4;
        x += 4;
    }
    for (; count > 0; count--) {
        *to++ = *x++;
    }
}
