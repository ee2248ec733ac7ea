/* Pixels in pairs, every second word: x[i] + 65536 * z[i]. */
static void @pair_lanes_apart(int32_t *to, const int8_t *x, const int8_t *z, int32_t step, int32_t count)
{
    for (; count > 0; count--) {
        *to = *x++ + *z++ * 65536;
        to += step;
    }
}
