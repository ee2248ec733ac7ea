static void @fill_words(int32_t *to, int32_t value, int32_t count)
{
    for (; count > 0; count--) {
        *to++ = value;
    }
}
