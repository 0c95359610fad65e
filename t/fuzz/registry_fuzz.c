
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the registry against its model.  The input is a sequence of choices,
 * a byte or two each: which operation comes next, of which worker, on what,
 * and after how many stores its process dies.  After each step all that can
 * be asked of the registry has to be as in the model, and every invariant to
 * hold; in the end everybody is gone and nothing is left.
 */


#include <stdio.h>

#include "fuzz_choice.h"
#include "registry_model_run.h"


#define FUZZ_STEPS  400

/* bits of the first byte of a step */

#define FUZZ_OP      0x1f
#define FUZZ_MORTAL  0x80


int LLVMFuzzerInitialize(int *argc, char ***argv);
static const char *fuzz_step(void);
static void fuzz_same(const char *what, unsigned n);


static unsigned  patience;             /* stores until somebody dies */


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    size_t  i;

    for (i = 0; i < KEYS_MAX; i++) {
        keys_text[i] = (u_char) (i * 2654435761u >> 16);
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned  n;

    fuzz_begin(data, size);

    model_begin();

    for (n = 0; n < FUZZ_STEPS && fuzz_left > 0; n++) {
        fuzz_same(fuzz_step(), n);
        fuzz_same(model_compare(&model), n);
    }

    /* what is left of the input is for nobody's death */

    fuzz_begin(NULL, 0);

    fuzz_same(model_finish(), n);

    region_free(&model.region);

    return 0;
}


static const char *
fuzz_step(void)
{
    unsigned  choice;

    choice = chance(256);

    mortal = (choice & FUZZ_MORTAL) != 0;
    aim(0);

    choice = (choice & FUZZ_OP) % (nops + 2);

    if (choice == nops + 1) {
        return model_clean(chance(MODEL_SLOTS));
    }

    /* the one who starts may be the first, or die at once */

    if (choice == nops || model_staff(MODEL_SLOTS) == 0) {
        return model_spawn();
    }

    return model_step(&ops[choice]);
}


unsigned
chance(unsigned n)
{
    return fuzz_chance(n);
}


void
aim(int rebuild)
{
    patience = rebuild ? chance(2000) : mortal ? chance(256) : 0;
}


int
fatal(const char *file, int line, int rebuild)
{
    if (patience-- > 0) {
        return 0;
    }

    if (rebuild) {
        aim(1);
    }

    return 1;
}


static void
fuzz_same(const char *what, unsigned n)
{
    if (what != NULL) {
        (void) fprintf(stderr, "step %u: %s\n", n, what);
        abort();
    }
}
