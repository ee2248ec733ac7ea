static void @fill_halves(int16_t *to, int32_t value, int32_t count)
{
    for (; count >= 4; count -= 4) {
        to[0] = (int16_t)value;
        to[1] = (int16_t)value;
        to[2] = (int16_t)value;
        to[3] = (int16_t)value;
        to += 4;
    }
    for (; count > 0; count--) {
        *to++ = (int16_t)value;
    }
}
