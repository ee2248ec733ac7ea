/* Start-up, output and clock for a Cortex-M4 under QEMU's mps2-an386, over semihosting. */
#include <stdint.h>

extern uint32_t image_data[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];

int main(void);
void nasc_board_print(const char *text);
void nasc_board_exit(int status);
void nasc_board_clock_start(void);
uint64_t nasc_board_clock(void);

static volatile uint32_t *const SYSTICK = (volatile uint32_t *)0xE000E010u; /* control, reload, value */
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)

static uint32_t semihost(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void nasc_board_print(const char *text) {
    (void)semihost(0x04u, text); /* SYS_WRITE0 */
}

void nasc_board_exit(int status) {
    const uint32_t why[2] = {0x20026u, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    (void)semihost(0x20u, why);                           /* SYS_EXIT_EXTENDED */
    for (;;) {
    }
}

/* SysTick counts 24 bits down from 2^24 - 1; its exception counts the rounds. */
static volatile uint32_t board_clock_rounds;

static void board_systick(void) {
    board_clock_rounds++;
}

void nasc_board_clock_start(void) {
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0u;
    SYSTICK[0] = 7u; /* processor clock, exception, enabled */
}

uint64_t nasc_board_clock(void) {
    uint32_t rounds, value;
    do {
        rounds = board_clock_rounds;
        value = SYSTICK[2];
    } while (rounds != board_clock_rounds);
    return ((uint64_t)rounds << 24) + (0xFFFFFFu - value);
}

static void print_word(const char *name, uint32_t word) {
    char text[9];
    for (int i = 0; i < 8; i++) {
        uint32_t digit = (word >> (28 - 4 * i)) & 15u;
        text[i] = (char)(digit < 10u ? '0' + digit : 'a' + digit - 10u);
    }
    text[8] = 0;
    nasc_board_print(name);
    nasc_board_print(text);
}

/* frame: the registers the exception stacked, r0 r1 r2 r3 r12 lr pc xpsr */
__attribute__((used, noreturn)) static void board_fault_report(const uint32_t *frame) {
    uint32_t top = (uint32_t)(uintptr_t)stack_top;
    uint32_t at = (uint32_t)(uintptr_t)frame;
    int readable = at >= (uint32_t)(uintptr_t)data_begin && at + 32u <= top;
    nasc_board_print("\nfault");
    print_word(" cfsr=", CFSR);
    print_word(" address=", BFAR);
    print_word(" pc=", readable ? frame[6] : 0u);
    nasc_board_print("\n");
    nasc_board_exit(99);
    for (;;) {
    }
}

__attribute__((naked)) static void board_fault(void) {
    __asm__ volatile("mrs r0, msp\n b board_fault_report\n");
}

__attribute__((used, noreturn)) static void board_start(void) {
    const uint32_t *from = image_data;
    for (uint32_t *to = data_begin; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end; to++) {
        *to = 0u;
    }
    nasc_board_exit(main());
    for (;;) {
    }
}

__attribute__((naked)) void board_reset(void) {
    /* Full access to coprocessors 10 and 11: the floating-point unit faults without. */
    __asm__ volatile("ldr r0, =0xE000ED88\n"
                     "ldr r1, [r0]\n"
                     "orr r1, r1, #0x00F00000\n"
                     "str r1, [r0]\n"
                     "dsb\n"
                     "isb\n"
                     "b board_start\n");
}

typedef void (*board_vector)(void);
__attribute__((section(".vectors"), used)) static const board_vector board_vectors[16] = {
    (board_vector)(uintptr_t)stack_top, board_reset, board_fault, board_fault, board_fault, board_fault, board_fault, 0,
    0, 0, 0, board_fault, board_fault, 0, board_fault, board_systick};
