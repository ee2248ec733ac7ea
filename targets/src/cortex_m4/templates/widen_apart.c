/* Groups of four bytes to halves, each group in the order 0, 2, 1, 3, `step` numbers from group to group. */
static void @widen_apart(int16_t *to, int32_t step, const int8_t *x, int32_t groups)
{
    for (; groups >= 4; groups -= 4) {
        @widen4(to, x);
        to += step;
        @widen4(to, x + 4);
        to += step;
        @widen4(to, x + 8);
        to += step;
        @widen4(to, x + 12);
        to += step;
        x += 16;
    }
    for (; groups > 0; groups--) {
        @widen4(to, x);
        to += step;
        x += 4;
    }
}
