/* Four bytes to four halves, in the order 0, 2, 1, 3. */
static inline void @widen4(int16_t *to, const int8_t *x)
{
    int32_t w = @load_word(x);
    @store_pair(to, @even_bytes(w), @odd_bytes(w));
}
