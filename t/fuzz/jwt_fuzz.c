
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the tokens.  The first byte of the input chooses what the rest is:
 *
 *     t   a token
 *     h   a header; claims and signature are made for it
 *     c   claims, signed with the key; what is made of them is compared with
 *         what jansson says
 */


#include "fuzz.h"
#include "jwt_inner.h"


#define FUZZ_NOW      INT64_C(1700000000000)
#define FUZZ_HEADER   "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"typ\":\"JWT\"}"
#define FUZZ_CLAIMS   "{\"sub\":\"a\",\"exp\":2000000000}"


static void fuzz_token(slice_t *token);
static void fuzz_part(slice_t *part);
static void fuzz_signed(slice_t *header, slice_t *claims);
static void fuzz_claims(const access_claims_t *claims, slice_t *text);
static void fuzz_object(json_t *value, const slice_t *compact, size_t max);


static access_key_t  fuzz_key = {
    .id = slice("sk_id_a"),
    .type = ACCESS_SECRET,
    .secret = slice("sk_secret_a")
};

static access_key_t  *fuzz_list[] = { &fuzz_key };

static access_keys_t  fuzz_keys = { fuzz_list, 1 };


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t  text, header = slice(FUZZ_HEADER), claims = slice(FUZZ_CLAIMS);

    if (size == 0) {
        return 0;
    }

    text = fuzz_slice(data + 1, size - 1);

    switch (data[0]) {

    case 't':
        fuzz_token(&text);
        break;

    case 'h':
        fuzz_signed(&text, &claims);
        break;

    case 'c':
        fuzz_signed(&header, &text);
        break;

    default:
        break;
    }

    free(text.data);

    return 0;
}


/* what can be decoded is the one encoding of what comes out */

static void
fuzz_token(slice_t *token)
{
    u_char           *buf;
    access_jws_t      jws, parts;
    access_key_t     *key;
    access_claims_t   claims;

    if (access_jwt_verify(&fuzz_keys, token, FUZZ_NOW, &key, &claims)
        == ACCESS_JWT_OK)
    {
        access_claims_free(&claims);
    }

    if (access_jws_split(&jws, token) == -1) {
        return;
    }

    buf = malloc(token->len);
    parts = jws;

    if (access_jws_decode(&jws, buf) == 0) {
        fuzz_part(&parts.header);
        fuzz_part(&parts.payload);
        fuzz_part(&parts.signature);
    }

    free(buf);
}


static void
fuzz_part(slice_t *part)
{
    u_char        *buf, *text, *dots;
    slice_t        token, again;
    access_jws_t   jws;

    token.len = part->len + 2;
    token.data = malloc(token.len);

    if (token.data == NULL) {
        abort();
    }

    dots = token.data;
    dots[0] = '.';
    dots[1] = '.';

    if (part->len) {
        memcpy(token.data + 2, part->data, part->len);
    }

    buf = malloc(token.len);
    text = malloc(token.len);

    if (access_jws_split(&jws, &token) == 0) {

        if (access_jws_decode(&jws, buf) == -1
            || access_base64url_len(jws.signature.len) != part->len)
        {
            abort();
        }

        again.data = text;
        again.len = (size_t) (access_base64url(text, &jws.signature) - text);

        if (!slice_eq(&again, part)) {
            abort();
        }
    }

    free(text);
    free(buf);
    free(token.data);
}


static void
fuzz_signed(slice_t *header, slice_t *claims)
{
    u_char           *p, mac[ACCESS_MAC_MAX];
    slice_t           token, input, text;
    access_jwt_e      rc;
    access_key_t     *key;
    access_claims_t   result;

    token.data = malloc(access_base64url_len(header->len)
                        + access_base64url_len(claims->len)
                        + access_base64url_len(sizeof(mac)) + 2);

    p = access_base64url(token.data, header);
    *p++ = '.';
    p = access_base64url(p, claims);

    input.data = token.data;
    input.len = (size_t) (p - token.data);

    text.data = mac;
    text.len = (size_t) access_mac(mac, ACCESS_HS256, &fuzz_key.secret,
                                   &input);

    *p++ = '.';
    p = access_base64url(p, &text);

    token.len = (size_t) (p - token.data);

    rc = access_jwt_verify(&fuzz_keys, &token, FUZZ_NOW, &key, &result);

    if (rc == ACCESS_JWT_ERROR
        || (rc == ACCESS_JWT_BAD) != (key == NULL)
        || (rc == ACCESS_JWT_OK) != (result.owned != NULL))
    {
        abort();
    }

    free(token.data);

    if (rc == ACCESS_JWT_OK) {
        fuzz_claims(&result, claims);
    }

    access_claims_free(&result);
}


static void
fuzz_claims(const access_claims_t *claims, slice_t *text)
{
    size_t         i, len;
    json_t        *object, *value;
    json_error_t   error;

    object = json_loadb((char *) text->data, text->len,
                        JSON_ALLOW_NUL|JSON_DECODE_INT_AS_REAL, &error);

    if (!json_is_object(object)
        || claims->exp < FUZZ_NOW + ACCESS_JWT_EARLY
        || claims->sub.len == 0 || claims->sub.len > 128)
    {
        abort();
    }

    value = json_object_get(object, "sub");

    if (json_string_length(value) != claims->sub.len
        || memcmp(json_string_value(value), claims->sub.data,
                  claims->sub.len)
           != 0)
    {
        abort();
    }

    value = json_object_get(object, "channels");

    if ((value != NULL) != claims->has_channels
        || json_array_size(value) != claims->nchannels)
    {
        abort();
    }

    for (i = 0; i < claims->nchannels; i++) {
        len = json_string_length(json_array_get(value, i));

        if (len != claims->channels[i].len
            || (len != 0
                && memcmp(json_string_value(json_array_get(value, i)),
                          claims->channels[i].data, len)
                   != 0))
        {
            abort();
        }
    }

    fuzz_object(json_object_get(object, "metadata"), &claims->metadata,
                ACCESS_METADATA_MAX);
    fuzz_object(json_object_get(object, "peerMetadata"),
                &claims->peer_metadata, ACCESS_PEER_META_MAX);

    json_decref(object);
}


/* the compact text is the same value, and never longer than it was */

static void
fuzz_object(json_t *value, const slice_t *compact, size_t max)
{
    json_t        *copy;
    json_error_t   error;

    if (value == NULL) {

        if (compact->len) {
            abort();
        }

        return;
    }

    if (compact->len > max) {
        abort();
    }

    copy = json_loadb((char *) compact->data, compact->len,
                      JSON_ALLOW_NUL|JSON_DECODE_INT_AS_REAL, &error);

    if (copy == NULL || !json_equal(copy, value)) {
        abort();
    }

    json_decref(copy);
}
