
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "uuid.h"

#include <openssl/rand.h>


/*
 * Sixteen values at a time, by whatever instructions there are.  They are not
 * shifted, which the analyzer of gcc 12 takes for more bits than a vector has.
 */

typedef uint8_t   access_uuid_v __attribute__((vector_size(16)));
typedef int8_t    access_uuid_signed_v __attribute__((vector_size(16)));
typedef uint64_t  access_uuid_wide_v __attribute__((vector_size(16)));


static access_uuid_v access_uuid_digits(access_uuid_v values);
static access_uuid_v access_uuid_values(access_uuid_v digits);


int
access_uuid(u_char *p)
{
    u_char  random[ACCESS_UUID_BYTES];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return -1;
    }

    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;

    access_uuid_write(p, random);

    return 0;
}


void
access_uuid_write(u_char *p, const u_char bytes[ACCESS_UUID_BYTES])
{
    u_char         digits[2 * ACCESS_UUID_BYTES];
    access_uuid_v  all, high, low, first, last;

    memcpy(&all, bytes, ACCESS_UUID_BYTES);

    high = all / 16;
    low = all % 16;

    first = access_uuid_digits(
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19,
                                4, 20, 5, 21, 6, 22, 7, 23));
    last = access_uuid_digits(
        __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27,
                                12, 28, 13, 29, 14, 30, 15, 31));

    memcpy(digits, &first, ACCESS_UUID_BYTES);
    memcpy(digits + ACCESS_UUID_BYTES, &last, ACCESS_UUID_BYTES);

    memcpy(p, digits, 8);
    memcpy(p + 9, digits + 8, 4);
    memcpy(p + 14, digits + 12, 4);
    memcpy(p + 19, digits + 16, 4);
    memcpy(p + 24, digits + 20, 12);

    p[8] = '-';
    p[13] = '-';
    p[18] = '-';
    p[23] = '-';
}


int
access_uuid_read(u_char bytes[ACCESS_UUID_BYTES], const slice_t *text)
{
    u_char               digits[2 * ACCESS_UUID_BYTES];
    const u_char        *p;
    access_uuid_v        first, last, high, low, all;
    access_uuid_wide_v   wrong;

    p = text->data;

    if (text->len != ACCESS_UUID_LEN
        || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
    {
        return 0;
    }

    memcpy(digits, p, 8);
    memcpy(digits + 8, p + 9, 4);
    memcpy(digits + 12, p + 14, 4);
    memcpy(digits + 16, p + 19, 4);
    memcpy(digits + 20, p + 24, 12);

    memcpy(&high, digits, ACCESS_UUID_BYTES);
    memcpy(&low, digits + ACCESS_UUID_BYTES, ACCESS_UUID_BYTES);

    first = access_uuid_values(high);
    last = access_uuid_values(low);

    /* what was no digit is not what its value gives again */

    wrong = (access_uuid_wide_v) ((access_uuid_digits(first) ^ high)
                                  | (access_uuid_digits(last) ^ low));

    high = __builtin_shufflevector(first, last, 0, 2, 4, 6, 8, 10, 12, 14,
                                   16, 18, 20, 22, 24, 26, 28, 30);
    low = __builtin_shufflevector(first, last, 1, 3, 5, 7, 9, 11, 13, 15,
                                  17, 19, 21, 23, 25, 27, 29, 31);
    all = high * 16 + low;

    memcpy(bytes, &all, ACCESS_UUID_BYTES);

    return (wrong[0] | wrong[1]) == 0;
}


static access_uuid_v
access_uuid_digits(access_uuid_v values)
{
    access_uuid_v  letters;

    letters = (access_uuid_v) ((access_uuid_signed_v) values > 9);

    return values + '0' + (letters & ('a' - '0' - 10));
}


/* below 16, whatever the digits are */

static access_uuid_v
access_uuid_values(access_uuid_v digits)
{
    access_uuid_v  letters;

    letters = (access_uuid_v) ((access_uuid_signed_v) digits > '9');

    return (digits + (letters & 9)) & 0xf;
}
