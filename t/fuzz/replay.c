
/*
 * Copyright (C) The ngx_signaling authors
 *
 * A fuzzer's main() without libFuzzer: gives it each of the files once.
 */


#include <stdio.h>

#include "fuzz.h"


#define REPLAY_MAX  (1 << 20)          /* what libFuzzer takes */


int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
static int replay(const char *name);


static uint8_t  buf[REPLAY_MAX];


int
main(int argc, char **argv)
{
    int  i;

    if (LLVMFuzzerInitialize != NULL) {
        (void) LLVMFuzzerInitialize(&argc, &argv);
    }

    for (i = 1; i < argc; i++) {
        if (replay(argv[i]) == -1) {
            perror(argv[i]);
            return 1;
        }
    }

    return 0;
}


static int
replay(const char *name)
{
    FILE     *file;
    size_t    size;
    slice_t   input;

    file = fopen(name, "rb");
    if (file == NULL) {
        return -1;
    }

    size = fread(buf, 1, sizeof(buf), file);
    (void) fclose(file);

    /* exactly as long as it is, so that a sanitizer sees a byte too many */

    input = fuzz_slice(buf, size);

    (void) LLVMFuzzerTestOneInput(input.data, input.len);
    free(input.data);

    return 0;
}
