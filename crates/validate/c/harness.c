/* Runs a model over the carried inputs and prints what came out. One line each, `nasc: ` in front:
 *
 *   begin                      once
 *   arena N                    bytes of PREFIX_ARENA_BYTES
 *   run T                      run T begins; the run after the last repeats run 0, timed and with a painted stack
 *   mark K N                   clock at mark K of run 0, only where marks are taken by the clock
 *   trace K HEX                output of op K of run 0, in pieces
 *   status T N                 what PREFIX_invoke returned in run T or before, when it was not 0
 *   out T I HEX                output I of run T, in pieces
 *   stack N                    high-water mark in bytes
 *   ticks N                    clock ticks of one run
 *   end                        once; a run without it did not end well
 *
 * Nothing of the C library is used, so that nothing of it is counted as the model's. */
#include "harness.h"

#define NOINLINE __attribute__((noinline))

void nasc_board_print(const char *text);
void nasc_board_clock_start(void);
uint64_t nasc_board_clock(void);
void nasc_roi_mark(void);
void layer_mark(void);
void nasc_trace(int op, const void *data, unsigned bytes);

extern const unsigned char nasc_inputs[];

static void print_number(uint64_t value) {
    char text[21];
    unsigned at = sizeof text - 1;
    text[at] = 0;
    do {
        text[--at] = (char)('0' + (char)(value % 10u));
        value /= 10u;
    } while (value != 0);
    nasc_board_print(text + at);
}

static void print_line(const char *word, unsigned index, uint64_t value) {
    nasc_board_print("nasc: ");
    nasc_board_print(word);
    print_number(index);
    nasc_board_print(" ");
    print_number(value);
    nasc_board_print("\n");
}

/* At most 256 bytes a line. */
static void print_bytes(const char *word, unsigned first, int second, const unsigned char *bytes, unsigned count) {
    static const char digits[] = "0123456789abcdef";
    char text[516];
    unsigned done = 0;
    do {
        unsigned at = 0;
        nasc_board_print("nasc: ");
        nasc_board_print(word);
        print_number(first);
        nasc_board_print(" ");
        if (second >= 0) {
            print_number((unsigned)second);
            nasc_board_print(" ");
        }
        for (; done < count && at < 512; done++) {
            text[at++] = digits[bytes[done] >> 4];
            text[at++] = digits[bytes[done] & 15u];
        }
        text[at++] = '\n';
        text[at] = 0;
        nasc_board_print(text);
    } while (done < count);
}

/* ---- marks: the emulator watches the address of nasc_roi_mark; without it the clock is read ---- */

static volatile int marking;

#ifdef NASC_CLOCK_MARKS
static uint64_t marks[NASC_MARKS];
static unsigned marks_taken;

NOINLINE void nasc_roi_mark(void) {
    uint64_t now = nasc_board_clock();
    if (marks_taken < NASC_MARKS) {
        marks[marks_taken++] = now;
    }
}

static void print_marks(void) {
    for (unsigned i = 0; i < marks_taken; i++) {
        print_line("mark ", i, marks[i]);
    }
}
#else
NOINLINE void nasc_roi_mark(void) {
    __asm__ volatile("" ::: "memory");
}

static void print_marks(void) {
}
#endif

NOINLINE void layer_mark(void) {
    if (marking) {
        nasc_roi_mark();
    }
}

static volatile int tracing;

void nasc_trace(int op, const void *data, unsigned bytes) {
    if (tracing) {
        print_bytes("trace ", (unsigned)op, -1, (const unsigned char *)data, bytes);
    }
}

/* ---- the stack's high-water mark: two calls from one place have the same frame ---- */

#define PAINT 0xA5u

NOINLINE static void paint(void) {
    volatile unsigned char area[NASC_STACK_PAINT];
    for (unsigned i = 0; i < sizeof area; i++) {
        area[i] = PAINT;
    }
}

NOINLINE static unsigned high_water(void) {
    volatile unsigned char area[NASC_STACK_PAINT];
    unsigned clean = 0;
    while (clean < sizeof area && area[clean] == PAINT) {
        clean++;
    }
    return (unsigned)sizeof area - clean;
}

/* ---- the runs ---- */

static void set_inputs(unsigned run) {
    const unsigned char *from = nasc_inputs + (unsigned long)run * NASC_RUN_BYTES;
    for (unsigned port = 0; port < NASC_INPUTS; port++) {
        volatile unsigned char *to = (volatile unsigned char *)nasc_input(port);
        for (unsigned i = 0; i < nasc_input_bytes[port]; i++) {
            to[i] = *from++;
        }
    }
}

static void print_outputs(unsigned run, int status) {
    if (status != 0) {
        print_line("status ", run, (uint64_t)(int64_t)status);
    }
    for (unsigned port = 0; port < NASC_OUTPUTS; port++) {
        print_bytes("out ", run, (int)port, (const unsigned char *)nasc_output(port), nasc_output_bytes[port]);
    }
}

/* A function of its own, so that always the same three instructions are counted besides the inference: the call, the
 * gathering of its status, and the call of the second mark. */
NOINLINE static int marked_inference(int status) {
    nasc_roi_mark();
    status |= nasc_invoke();
    nasc_roi_mark();
    return status;
}

int main(void) {
    int status = 0; /* of all runs so far: the first run that prints one is the one that failed */
    nasc_board_print("\nnasc: begin\n");
    print_line("arena ", 0, NASC_ARENA);
    nasc_board_clock_start();
    for (unsigned run = 0; run < NASC_RUNS; run++) {
        print_line("run ", run, 0);
        set_inputs(run);
        tracing = run == 0;
        marking = run == 0;
        status = run == 0 ? marked_inference(status) : status | nasc_invoke();
        marking = 0;
        tracing = 0;
        if (run == 0) {
            print_marks();
        }
        print_outputs(run, status);
    }
#ifdef NASC_TIMED_RUN
    {
        unsigned stack;
        uint64_t before, after;
        print_line("run ", NASC_RUNS, 0);
        set_inputs(0);
        paint();
        before = nasc_board_clock();
        status |= nasc_invoke();
        after = nasc_board_clock();
        stack = high_water();
        print_line("stack ", 0, stack);
        print_line("ticks ", 0, after - before);
        print_outputs(NASC_RUNS, status);
    }
#endif
    nasc_board_print("nasc: end\n");
    return 0;
}
