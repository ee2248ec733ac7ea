/* Times a model built for this machine: `PROGRAM BLOCKS WARM_NS BLOCK_NS` prints one line a block, "WALL CPU": nanoseconds
 * per inference by the monotonic clock and by the process's CPU clock. A block is as many inferences in a row as fill
 * BLOCK_NS. Inputs are what timing.h says, filled with numbers of some variety. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "timing.h"

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int run(unsigned long count, double *wall, double *cpu) {
    double wall0 = now(CLOCK_MONOTONIC), cpu0 = now(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned long i = 0; i < count; i++) {
        int status = timing_invoke();
        if (status != 0) {
            fprintf(stderr, "the model returned %d\n", status);
            return status;
        }
    }
    *cpu = (now(CLOCK_PROCESS_CPUTIME_ID) - cpu0) / (double)count;
    *wall = (now(CLOCK_MONOTONIC) - wall0) / (double)count;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "%s BLOCKS WARM_NS BLOCK_NS\n", argv[0]);
        return 2;
    }
    unsigned long blocks = strtoul(argv[1], NULL, 10);
    double warm = strtod(argv[2], NULL), block = strtod(argv[3], NULL);
    double wall, cpu, fastest = 1e300, since = now(CLOCK_MONOTONIC);
    timing_fill();
    for (int warmed = 0; warmed < 3 || now(CLOCK_MONOTONIC) - since < warm; warmed++) {
        if (run(1, &wall, &cpu) != 0) {
            return 1;
        }
        fastest = wall < fastest ? wall : fastest;
    }
    unsigned long count = (unsigned long)(block / (fastest > 1.0 ? fastest : 1.0) + 0.5);
    for (unsigned long i = 0; i < blocks; i++) {
        if (run(count > 0 ? count : 1, &wall, &cpu) != 0) {
            return 1;
        }
        printf("%.1f %.1f\n", wall, cpu);
    }
    return 0;
}
