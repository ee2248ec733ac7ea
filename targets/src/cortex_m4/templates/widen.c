/* Groups of four bytes to halves, each group in the order 0, 2, 1, 3. */
static void @widen(int16_t *to, const int8_t *x, int32_t groups)
{
    for (; groups >= 4; groups -= 4) {
        @widen4(to, x);
        @widen4(to + 4, x + 4);
        @widen4(to + 8, x + 8);
        @widen4(to + 12, x + 12);
        to += 16;
        x += 16;
    }
    for (; groups > 0; groups--) {
        @widen4(to, x);
        to += 4;
        x += 4;
    }
}
