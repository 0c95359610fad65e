
/*
 * Copyright (C) The ngx_signaling authors
 *
 * A fuzzer's main() without libFuzzer: gives it each of the files once.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


#define REPLAY_MAX  (1 << 20)          /* what libFuzzer takes */


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
static int replay(const char *name);


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
    uint8_t  *data;

    file = fopen(name, "rb");
    if (file == NULL) {
        return -1;
    }

    data = malloc(REPLAY_MAX);
    if (data == NULL) {
        (void) fclose(file);
        return -1;
    }

    size = fread(data, 1, REPLAY_MAX, file);
    (void) fclose(file);

    /* exactly as long as it is, so that a sanitizer sees a byte too many */

    data = realloc(data, size ? size : 1);
    if (data == NULL) {
        return -1;
    }

    (void) LLVMFuzzerTestOneInput(data, size);
    free(data);

    return 0;
}
