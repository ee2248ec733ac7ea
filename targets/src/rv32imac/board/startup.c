/* Start-up, output and clock for a RISC-V core under QEMU's virt machine, over semihosting. */
#include <stdint.h>

extern char bss_begin[], bss_end[];

int main(void);
void nasc_board_print(const char *text);
void nasc_board_exit(int status);
void nasc_board_clock_start(void);
uint64_t nasc_board_clock(void);

/* The three instructions are recognised together, and only in their uncompressed form. */
static long semihost(long operation, const void *argument) {
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

void nasc_board_print(const char *text) {
    (void)semihost(0x04, text); /* SYS_WRITE0 */
}

void nasc_board_exit(int status) {
    const long why[2] = {0x20026, status}; /* ADP_Stopped_ApplicationExit */
    (void)semihost(0x20, why);             /* SYS_EXIT_EXTENDED */
    for (;;) {
    }
}

/* The extension is named where it is used: named on the command line it would select another library. */
#define READ_CSR(name, value) \
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, " name "\n.option pop" : "=r"(value))

void nasc_board_clock_start(void) {
}

uint64_t nasc_board_clock(void) {
#if __riscv_xlen == 32
    uint32_t high, low, again;
    do {
        READ_CSR("minstreth", high);
        READ_CSR("minstret", low);
        READ_CSR("minstreth", again);
    } while (high != again);
    return ((uint64_t)high << 32) | low;
#else
    uint64_t count;
    READ_CSR("minstret", count);
    return count;
#endif
}

static void print_word(const char *name, unsigned long word) {
    char text[2 * sizeof word + 1];
    for (unsigned i = 0; i < 2 * sizeof word; i++) {
        unsigned long digit = (word >> (4 * (2 * sizeof word - 1 - i))) & 15u;
        text[i] = (char)(digit < 10u ? '0' + digit : 'a' + digit - 10u);
    }
    text[2 * sizeof word] = 0;
    nasc_board_print(name);
    nasc_board_print(text);
}

__attribute__((used, aligned(4))) static void board_trap(void) {
    unsigned long cause, pc, value;
    READ_CSR("mcause", cause);
    READ_CSR("mepc", pc);
    READ_CSR("mtval", value);
    nasc_board_print("\nfault");
    print_word(" cause=", cause);
    print_word(" address=", value);
    print_word(" pc=", pc);
    nasc_board_print("\n");
    nasc_board_exit(99);
}

__attribute__((used)) static void board_start(void) {
    for (char *to = bss_begin; to < bss_end; to++) {
        *to = 0;
    }
    nasc_board_exit(main());
}

__attribute__((naked, section(".text.start"))) void _start(void) {
    /* The global pointer is loaded without relaxation: relaxed, it would be loaded from itself. */
    __asm__ volatile(".option push\n"
                     ".option norelax\n"
                     ".option arch, +zicsr\n"
                     "la gp, __global_pointer$\n"
                     "la sp, stack_top\n"
                     "la t0, board_trap\n"
                     "csrw mtvec, t0\n"
                     ".option pop\n"
                     "j board_start\n");
}
