/* Pixels in pairs: x[i] + 65536 * z[i]. */
static void @pair_lanes(int32_t *to, const int8_t *x, const int8_t *z, int32_t count)
{
    for (; count >= 4; count -= 4) {
        to[0] = x[0] + z[0] * 65536;
        to[1] = x[1] + z[1] * 65536;
        to[2] = x[2] + z[2] * 65536;
        to[3] = x[3] + z[3] * 65536;
        to += 4;
        x += 4;
        z += 4;
    }
    for (; count > 0; count--) {
        *to++ = *x++ + *z++ * 65536;
    }
}
