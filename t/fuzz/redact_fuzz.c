
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the redaction of log lines: no token survives, nothing becomes
 * anything but an asterisk, and doing it twice is doing it once.
 */


#include <stdlib.h>

#include "redact.h"


/* the shortest that is taken for a token */

#define FUZZ_JWT_MIN  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_check(const uint8_t *data, const u_char *text, size_t size);
static int fuzz_starts(const u_char *text, size_t len, const char *word);
static int fuzz_is_jwt(u_char c);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char  *text, *twice;

    /* memory of its own, so that the sanitizer sees every byte past it */

    text = malloc(size ? size : 1);
    twice = malloc(size ? size : 1);

    if (text == NULL || twice == NULL) {
        abort();
    }

    if (size != 0) {
        memcpy(text, data, size);
    }

    access_redact(text, size);
    fuzz_check(data, text, size);

    if (size != 0) {
        memcpy(twice, text, size);
    }

    access_redact(twice, size);

    if (size != 0 && memcmp(text, twice, size) != 0) {
        abort();
    }

    free(text);
    free(twice);

    return 0;
}


static void
fuzz_check(const uint8_t *data, const u_char *text, size_t size)
{
    size_t  i, n;

    for (i = 0; i < size; i++) {

        if (text[i] != data[i] && text[i] != '*') {
            abort();
        }

        if (fuzz_starts(text + i, size - i, "eyJ")) {

            for (n = 0; i + n < size && fuzz_is_jwt(text[i + n]); n++) {
                /* void */
            }

            if (n >= FUZZ_JWT_MIN) {
                abort();
            }
        }

        if (fuzz_starts(text + i, size - i, "Bearer ")) {

            n = sizeof("Bearer ") - 1;

            if (i + n < size && fuzz_is_jwt(text[i + n])) {
                abort();
            }
        }

        if (fuzz_starts(text + i, size - i, "?token=")) {

            n = sizeof("?token=") - 1;

            if (i + n < size && fuzz_is_jwt(text[i + n])
                && !fuzz_starts(text + i + n, size - i - n, "pk_"))
            {
                abort();
            }
        }
    }
}


static int
fuzz_starts(const u_char *text, size_t len, const char *word)
{
    return len >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}


static int
fuzz_is_jwt(u_char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}
