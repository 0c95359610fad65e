
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The claims of docs/protocol.md 11.2.  jansson judges the text and tells the
 * values; the two objects that are handed on are taken from the text itself,
 * so that their numbers and escapes stay as the issuer wrote them.
 */


#include <stdlib.h>

#include "json_text.h"
#include "jwt_inner.h"
#include "name.h"


/* seconds, exact as a double, and in 64 bits as milliseconds */

#define ACCESS_TIME_MAX        9e15

/* up to here the milliseconds are exact as a double too */

#define ACCESS_TIME_EXACT      1e12


static access_jwt_e access_claims_times(access_claims_t *claims,
    json_t *object, int64_t now);
static int access_claims_time(json_t *value, int64_t *ms);
static int access_claims_permissions(access_claims_t *claims,
    json_t *object);
static access_jwt_e access_claims_keep(access_claims_t *claims,
    json_t *object, const slice_t *text);
static int access_claims_sub(access_claims_t *claims, json_t *object,
    u_char **p);
static int access_claims_channels(access_claims_t *claims, json_t *object,
    u_char **p);
static int access_claims_metadata(json_t *object, const slice_t *text,
    const char *name, size_t max, slice_t *metadata, u_char **p);


access_jwt_e
access_claims_read(access_claims_t *claims, const slice_t *text, int64_t now)
{
    json_t        *object;
    access_jwt_e   rc, times;

    rc = access_json_object(text, &object);

    if (rc != ACCESS_JWT_OK) {
        return rc;
    }

    times = access_claims_times(claims, object, now);

    if (times == ACCESS_JWT_BAD
        || access_claims_permissions(claims, object) == -1)
    {
        rc = ACCESS_JWT_BAD;

    } else {
        rc = access_claims_keep(claims, object, text);
    }

    /* that the claims are wrong weighs more than that they are old */

    if (rc == ACCESS_JWT_OK && times != ACCESS_JWT_OK) {
        rc = times;
    }

    if (rc != ACCESS_JWT_OK) {
        access_claims_free(claims);
    }

    json_decref(object);

    return rc;
}


void
access_claims_free(access_claims_t *claims)
{
    free(claims->owned);
    memset(claims, 0, sizeof(access_claims_t));
}


static access_jwt_e
access_claims_times(access_claims_t *claims, json_t *object, int64_t now)
{
    json_t   *nbf;
    int64_t   ms;

    if (access_claims_time(json_object_get(object, "exp"), &claims->exp)
        == -1)
    {
        return ACCESS_JWT_BAD;
    }

    nbf = json_object_get(object, "nbf");

    if (nbf != NULL
        && (access_claims_time(nbf, &ms) == -1
            || ms > now + ACCESS_JWT_SKEW))
    {
        return ACCESS_JWT_BAD;
    }

    return claims->exp < now + ACCESS_JWT_EARLY ? ACCESS_JWT_EXPIRED
                                                : ACCESS_JWT_OK;
}


/* NumericDate of RFC 7519, section 2, rounded down; NULL is no number */

static int
access_claims_time(json_t *value, int64_t *ms)
{
    double  seconds;

    if (!json_is_number(value)) {
        return -1;
    }

    seconds = json_number_value(value);

    if (seconds > ACCESS_TIME_MAX) {
        seconds = ACCESS_TIME_MAX;
    }

    if (seconds < -ACCESS_TIME_MAX) {
        seconds = -ACCESS_TIME_MAX;
    }

    if (seconds > ACCESS_TIME_EXACT || seconds < -ACCESS_TIME_EXACT) {
        *ms = (int64_t) seconds * 1000;
        return 0;
    }

    seconds *= 1000;

    *ms = (int64_t) seconds;

    if ((double) *ms > seconds) {
        (*ms)--;
    }

    return 0;
}


static int
access_claims_permissions(access_claims_t *claims, json_t *object)
{
    size_t   i;
    json_t  *list, *value;
    slice_t  name;

    list = json_object_get(object, "permissions");

    if (list == NULL) {
        claims->actions = ACCESS_ALL;
        return 0;
    }

    if (!json_is_array(list)) {
        return -1;
    }

    json_array_foreach(list, i, value) {

        if (!json_is_string(value)) {
            return -1;
        }

        name.len = json_string_length(value);
        name.data = (u_char *) json_string_value(value);

        claims->actions |= access_action(&name) & ACCESS_ALL;
    }

    return 0;
}


/*
 * All that is kept is in one piece of memory.  Strings unquoted and objects
 * without white space are shorter than what they stand for in the text, so
 * that as many bytes as the text has are enough for all of them.
 */

static access_jwt_e
access_claims_keep(access_claims_t *claims, json_t *object,
    const slice_t *text)
{
    size_t   n;
    u_char  *p;

    n = json_array_size(json_object_get(object, "channels"));

    claims->owned = malloc(n * sizeof(slice_t) + text->len);
    if (claims->owned == NULL) {
        return ACCESS_JWT_ERROR;
    }

    claims->channels = claims->owned;
    p = (u_char *) (claims->channels + n);

    if (access_claims_sub(claims, object, &p) == -1
        || access_claims_channels(claims, object, &p) == -1
        || access_claims_metadata(object, text, "metadata",
                                  ACCESS_METADATA_MAX, &claims->metadata, &p)
           == -1
        || access_claims_metadata(object, text, "peerMetadata",
                                  ACCESS_PEER_META_MAX,
                                  &claims->peer_metadata, &p)
           == -1)
    {
        return ACCESS_JWT_BAD;
    }

    if (json_object_get(json_object_get(object, "metadata"), "iceServers")
        != NULL)
    {
        claims->has_ice = 1;
    }

    if (json_is_false(json_object_get(object, "turn"))) {
        claims->no_turn = 1;
    }

    return ACCESS_JWT_OK;
}


static int
access_claims_sub(access_claims_t *claims, json_t *object, u_char **p)
{
    json_t  *sub;

    sub = json_object_get(object, "sub");

    if (!json_is_string(sub) || json_string_length(sub) > ACCESS_PEER_ID) {
        return -1;
    }

    claims->sub.len = json_string_length(sub);
    claims->sub.data = *p;

    memcpy(*p, json_string_value(sub), claims->sub.len);
    *p += claims->sub.len;

    return access_peer_id_valid(&claims->sub) ? 0 : -1;
}


static int
access_claims_channels(access_claims_t *claims, json_t *object, u_char **p)
{
    size_t    i;
    json_t   *list, *value;
    slice_t  *pattern;

    list = json_object_get(object, "channels");

    if (list == NULL) {
        return 0;
    }

    if (!json_is_array(list)) {
        return -1;
    }

    claims->has_channels = 1;

    json_array_foreach(list, i, value) {

        if (!json_is_string(value)) {
            return -1;
        }

        pattern = &claims->channels[claims->nchannels++];

        pattern->len = json_string_length(value);
        pattern->data = *p;

        memcpy(*p, json_string_value(value), pattern->len);
        *p += pattern->len;
    }

    return 0;
}


static int
access_claims_metadata(json_t *object, const slice_t *text, const char *name,
    size_t max, slice_t *metadata, u_char **p)
{
    json_t   *value;
    slice_t   raw;

    value = json_object_get(object, name);

    if (value == NULL) {
        return 0;
    }

    if (!json_is_object(value)
        || access_json_member(text, object, name, &raw) == -1)
    {
        return -1;
    }

    metadata->data = *p;
    *p = access_json_compact(*p, &raw);
    metadata->len = (size_t) (*p - metadata->data);

    return metadata->len > max ? -1 : 0;
}
