/* Four taps of one pixel and two channels. The weights hold both channels, 256 * a + b in each half: acc[0] grows by 256 times
 * channel a plus channel b, acc[1] by channel b alone, so that only one of the two needs its bytes split off. */
static inline void @taps4(const int16_t *x, @pair w, @pair b, int32_t *acc)
{
    @pair v = @load_pair(x);
    acc[0] = @dual_mac(v.low, w.low, acc[0]);
    acc[1] = @dual_mac(v.low, b.low, acc[1]);
    acc[0] = @dual_mac(v.high, w.high, acc[0]);
    acc[1] = @dual_mac(v.high, b.high, acc[1]);
}

/* Four taps of 1, 2 or 3 pixels that lie `step` numbers apart. */
static inline void @taps4_1(const int16_t *x, int32_t step, const int8_t *weights, int32_t *acc)
{
    (void)step;
    @pair w = @load_pair(weights);
    @pair b = {@even_bytes(w.low), @even_bytes(w.high)};
    @taps4(x, w, b, acc);
}

static inline void @taps4_2(const int16_t *x, int32_t step, const int8_t *weights, int32_t *acc)
{
    @pair w = @load_pair(weights);
    @pair b = {@even_bytes(w.low), @even_bytes(w.high)};
    @taps4(x, w, b, acc);
    @taps4(x + step, w, b, acc + 2);
}

static inline void @taps4_3(const int16_t *x, int32_t step, const int8_t *weights, int32_t *acc)
{
    @pair w = @load_pair(weights);
    @pair b = {@even_bytes(w.low), @even_bytes(w.high)};
    @taps4(x, w, b, acc);
    @taps4(x + step, w, b, acc + 2);
    @taps4(x + 2 * step, w, b, acc + 4);
}
