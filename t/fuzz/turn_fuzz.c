
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes what the TURN module reads.  The first byte of the input chooses
 * what the rest is:
 *
 *     u   a URL of a server; a regular expression says which are good
 *     i   an ID, for a username and its credential; OpenSSL says what they
 *         have to be
 *     k   an API key; a good one is what is written for what it says
 */


#include <regex.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "fuzz.h"
#include "turn_api_key.h"
#include "turn_credential.h"


#define FUZZ_EXPIRY  1800000000

#define FUZZ_URL                                                              \
    "^((stuns?)|(turns?)):"                                                   \
    "([0-9A-Za-z._-]+|\\[[0-9A-Za-z:.]+\\])"                                  \
    "(:0*([1-9][0-9]{0,4}))?"                                                 \
    "(\\?transport=(udp|tcp))?$"


int LLVMFuzzerInitialize(int *argc, char ***argv);
static void fuzz_url(const slice_t *url);
static int fuzz_url_good(const slice_t *url, int *relay);
static void fuzz_id(const slice_t *id);
static size_t fuzz_username(u_char *p, const slice_t *id);
static void fuzz_api_key(const slice_t *key);


static regex_t  fuzz_regex;
static slice_t  fuzz_secret = slice("a secret");


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_check(regcomp(&fuzz_regex, FUZZ_URL, REG_EXTENDED|REG_ICASE) == 0);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t  text;

    if (size == 0) {
        return 0;
    }

    text = fuzz_slice(data + 1, size - 1);

    switch (data[0]) {

    case 'u':
        fuzz_url(&text);
        break;

    case 'i':
        fuzz_id(&text);
        break;

    case 'k':
        fuzz_api_key(&text);
        break;

    default:
        break;
    }

    free(text.data);

    return 0;
}


static void
fuzz_url(const slice_t *url)
{
    int  good, relay, expected;

    relay = 0;
    expected = 0;

    good = turn_url_check(url, &relay) == NULL;

    fuzz_check(good == fuzz_url_good(url, &expected));
    fuzz_check(!good || relay == expected);
}


static int
fuzz_url_good(const slice_t *url, int *relay)
{
    int          good;
    char         text[TURN_URL_MAX + 1];
    const char  *query;
    regmatch_t   m[9];

    if (url->len > TURN_URL_MAX || url->len == 0
        || memchr(url->data, '\0', url->len) != NULL)
    {
        return 0;
    }

    memcpy(text, url->data, url->len);
    text[url->len] = '\0';

    good = regexec(&fuzz_regex, text, 9, m, 0) == 0
           && (m[6].rm_so == -1
               || strtol(text + m[6].rm_so, NULL, 10) <= 65535);

    if (!good) {
        return 0;
    }

    *relay = m[3].rm_so != -1;

    /* the scheme may be in capitals, the query not */

    if (m[7].rm_so != -1) {
        query = text + m[7].rm_so;

        return *relay && (strcmp(query, "?transport=udp") == 0
                          || strcmp(query, "?transport=tcp") == 0);
    }

    return 1;
}


static void
fuzz_id(const slice_t *id)
{
    u_char         *p, md[EVP_MAX_MD_SIZE], text[TURN_CREDENTIAL_LEN + 1];
    u_char          expected[TURN_USERNAME_MAX];
    u_char          credential[TURN_CREDENTIAL_LEN];
    slice_t         username;
    ssize_t         len;
    unsigned int    n;
    turn_secret_t  *secret;

    p = malloc(TURN_USERNAME_MAX);
    fuzz_check(p != NULL);

    len = turn_username(p, FUZZ_EXPIRY, id);

    fuzz_check(len > 0 && (size_t) len == fuzz_username(expected, id)
               && memcmp(p, expected, (size_t) len) == 0);

    username.data = p;
    username.len = (size_t) len;

    secret = turn_secret_prepare(&fuzz_secret);

    fuzz_check(secret != NULL
               && turn_credential(credential, secret, &username) == 0);

    turn_secret_free(secret);

    fuzz_check(HMAC(EVP_sha1(), fuzz_secret.data, (int) fuzz_secret.len,
                    username.data, username.len, md, &n)
               != NULL
               && EVP_EncodeBlock(text, md, (int) n) == TURN_CREDENTIAL_LEN
               && memcmp(text, credential, TURN_CREDENTIAL_LEN) == 0);

    free(p);
}


/* returns the length */

static size_t
fuzz_username(u_char *p, const slice_t *id)
{
    int     len, good;
    char    text[TURN_USERNAME_MAX + 1];
    size_t  i;
    u_char  md[EVP_MAX_MD_SIZE];

    static const char  chars[] = "0123456789-_abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    good = id->len >= 1 && id->len <= TURN_ID_MAX;

    for (i = 0; good && i < id->len; i++) {
        good = memchr(chars, id->data[i], sizeof(chars) - 1) != NULL;
    }

    if (good) {
        len = snprintf(text, sizeof(text), "%d:%.*s", FUZZ_EXPIRY,
                       (int) id->len, (char *) id->data);

    } else {
        fuzz_check(EVP_Digest(id->data, id->len, md, NULL, EVP_sha256(), NULL)
                   == 1);

        len = snprintf(text, sizeof(text),
                       "%d:%02x%02x%02x%02x%02x%02x%02x%02x", FUZZ_EXPIRY,
                       md[0], md[1], md[2], md[3], md[4], md[5], md[6], md[7]);
    }

    fuzz_check(len > 0 && len < (int) sizeof(text));

    memcpy(p, text, (size_t) len);

    return (size_t) len;
}


/*
 * Nobody finds a good signature, so the first 48 digits are signed here too;
 * of what is not as long as that nothing can be good.
 */

static void
fuzz_api_key(const slice_t *key)
{
    u_char   text[TURN_API_KEY_LEN];
    slice_t  id, good;
    int64_t  expiry, n;

    fuzz_check(turn_api_key_read(key, &fuzz_secret, &expiry, &id) == -1
               || key->len == TURN_API_KEY_LEN);

    if (key->len < 8 + TURN_API_KEY_ID_LEN) {
        return;
    }

    memcpy(&n, key->data, 8);

    if (turn_api_key_write(text, &fuzz_secret, n, key->data + 8) == -1) {
        return;
    }

    good.data = text;
    good.len = TURN_API_KEY_LEN;

    fuzz_check(turn_api_key_read(&good, &fuzz_secret, &expiry, &id) == 0
               && expiry == n && id.len == TURN_API_KEY_ID_LEN
               && memcmp(id.data, key->data + 8, TURN_API_KEY_ID_LEN) == 0);

    /* any other byte anywhere, and it is none */

    text[key->data[key->len - 1] % TURN_API_KEY_LEN]
        ^= (u_char) (1 + key->len % 255);

    fuzz_check(turn_api_key_read(&good, &fuzz_secret, &expiry, &id) == -1);
}
