/* Bytes to halves, four at a time in the order 0, 2, 1, 3; a group of four goes every `step` numbers. */
static inline void @widen4(int16_t *to, const int8_t *x)
{
    int32_t w = @load_word(x);
    @store_pair(to, @even_bytes(w), @odd_bytes(w));
}

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
