/* The board under the harness when the model runs as a program of this machine. */
#include <stdint.h>
#include <stdio.h>

void nasc_board_print(const char *text);
void nasc_board_clock_start(void);
uint64_t nasc_board_clock(void);

void nasc_board_print(const char *text) {
    fputs(text, stdout);
    fflush(stdout); /* what was printed before a crash must be seen */
}

void nasc_board_clock_start(void) {
}

uint64_t nasc_board_clock(void) {
    return 0;
}
