/* QEMU plugin: counts executed guest instructions exactly.
 *
 * Arguments: mark=ADDRESS (an instruction), out=FILE. Every execution of the instruction at ADDRESS records the number of
 * instructions executed so far. At exit FILE gets
 *   M <count>                            one line per mark, in order
 *   B <address> <instructions> <times>   one line per block executed between the first mark and the last
 *
 * The distributions ship no header, so the few functions used are declared here. They have kept their shape since the
 * first version of the interface; callbacks are used instead of inline operations, which have not. API is the interface
 * version to announce: QEMU refuses one outside of its range. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef API
#define API 1
#endif

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);

#define VISIBLE __attribute__((visibility("default")))
VISIBLE int qemu_plugin_version = API;
VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

struct block {
    uint64_t address, instructions, times;
    uint64_t at_first, at_last; /* `times` at the first mark and at the latest */
    struct block *next;         /* of the same hash */
    struct block *older;        /* of all */
};

enum { BUCKETS = 4096, MARKS = 65536 };
static struct block *buckets[BUCKETS], *newest;
static uint64_t executed, mark_address, marks[MARKS];
static unsigned mark_count;
static const char *out_path = "count.txt";

/* A block that is translated again goes on counting where it was. */
static struct block *block_at(uint64_t address, uint64_t instructions) {
    struct block **bucket = &buckets[(address >> 1) % BUCKETS], *block;
    for (block = *bucket; block; block = block->next) {
        if (block->address == address && block->instructions == instructions) {
            return block;
        }
    }
    block = calloc(1, sizeof *block);
    if (!block) {
        abort();
    }
    block->address = address;
    block->instructions = instructions;
    block->next = *bucket;
    block->older = newest;
    *bucket = newest = block;
    return block;
}

static void on_block(unsigned cpu, void *data) {
    struct block *block = data;
    (void)cpu;
    block->times++;
    executed += block->instructions;
}

static void on_mark(unsigned cpu, void *data) {
    (void)cpu;
    (void)data;
    for (struct block *block = newest; block; block = block->older) {
        if (mark_count == 0) {
            block->at_first = block->times;
        }
        block->at_last = block->times;
    }
    if (mark_count < MARKS) {
        marks[mark_count++] = executed;
    }
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb) {
    size_t count = qemu_plugin_tb_n_insns(tb);
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS, block_at(qemu_plugin_tb_vaddr(tb), count));
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        if (qemu_plugin_insn_vaddr(instruction) == mark_address) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, NO_REGISTERS, NULL);
        }
    }
}

static void on_exit_of_qemu(plugin_id id, void *data) {
    FILE *out = fopen(out_path, "w");
    (void)id;
    (void)data;
    if (!out) {
        return;
    }
    for (unsigned i = 0; i < mark_count; i++) {
        fprintf(out, "M %" PRIu64 "\n", marks[i]);
    }
    for (struct block *block = newest; block; block = block->older) {
        if (block->at_last > block->at_first) {
            fprintf(out, "B %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", block->address, block->instructions,
                    block->at_last - block->at_first);
        }
    }
    fclose(out);
}

VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "mark=", 5) == 0) {
            mark_address = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            out_path = strdup(argv[i] + 4);
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
