
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of public keys: each algorithm takes those of its own kind only, and
 * what is no public key is told from what is one.
 */


#include "public_key.h"
#include "tap.h"


typedef struct {
    const char          *pem;
    access_algorithm_e   algorithm;
    const char          *error;        /* a part of it, NULL: none */
} case_t;


#define PUBLIC(text)                                                          \
    "-----BEGIN PUBLIC KEY-----\n" text "-----END PUBLIC KEY-----\n"

#define SHORT_RSA PUBLIC(                                                     \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDyLaQyRB3WmSqUHqSlOqwLB8Xk\n"      \
    "/7Ir9CqrFkkiCKTPuqfcwEvXIewtyu7TGiLiy4pSG6wcY/cXxfVpuaJLfhpXMJZK\n"      \
    "6J8BCF7YWkGYY4knoKUMnP6l30mce0OjFrm9yqwQETDWIrnKCPRnaPOwO02onqXl\n"      \
    "NUkZHyMfQgdVX3A8vwIDAQAB\n")

#define P384 PUBLIC(                                                          \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAElQ3btxtVuWMzHXKontrlPyF6OEVvBLbj\n"      \
    "gwc9mRtBa7XnswVofjkHjSZfzoggFsdiLpRmPKGGvPvByLCGZtubHw2cUCNatwjO\n"      \
    "VZFRRIJG1pmj+AZRpNZQtDFCeFElOV+d\n")

#define P256 PUBLIC(                                                          \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEq/XP2FlTaBg4a5ONYYlaPgotojda\n"      \
    "OQVdYxe3gfXGaxQpFQI7VBCrr5O8K/F5b2JDkOB47Z/yKROhAhC9jZnbPg==\n")

#define ED25519 PUBLIC(                                                       \
    "MCowBQYDK2VwAyEA2X4ZrTC7Hlo5iDzP5iFl0ctyqhvws98vDcalknzWYpA=\n")


static const case_t  cases[] = {
    { P256, ACCESS_ES256, NULL },
    { ED25519, ACCESS_EDDSA, NULL },
    { "\n# mine\n" ED25519, ACCESS_EDDSA, NULL },

    { SHORT_RSA, ACCESS_RS256, "too short" },
    { P256, ACCESS_RS256, "no RSA key" },
    { ED25519, ACCESS_RS256, "no RSA key" },
    { P384, ACCESS_ES256, "no key of the curve P-256" },
    { ED25519, ACCESS_ES256, "no key of the curve P-256" },
    { SHORT_RSA, ACCESS_ES256, "no key of the curve P-256" },
    { P256, ACCESS_EDDSA, "no Ed25519 key" },
    { SHORT_RSA, ACCESS_EDDSA, "no Ed25519 key" },
    { P256, ACCESS_HS256, "is for RS256, ES256 or EdDSA only" },

    { "", ACCESS_ES256, "no public key" },
    { "no key", ACCESS_ES256, "no public key" },
    { PUBLIC(""), ACCESS_ES256, "no public key" },
    { PUBLIC("AAAA\n"), ACCESS_ES256, "no public key" }
};


int
main(void)
{
    size_t                i;
    slice_t               text;
    const char           *error;
    access_public_key_t  *key;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = text_slice(cases[i].pem);

        error = access_public_key(cases[i].algorithm, &text, &key);

        if (cases[i].error == NULL) {
            ok(error == NULL && key != NULL, "a key that suits");

        } else {
            ok(error != NULL && strstr(error, cases[i].error) != NULL
               && key == NULL, cases[i].error);
        }

        access_public_key_free(key);
    }

    return tap_done();
}
