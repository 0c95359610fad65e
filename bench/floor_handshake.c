
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "floor.h"


#define FLOOR_HEAD    4096
#define FLOOR_KEY     24                /* 16 bytes in base64 */
#define FLOOR_GUID    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define FLOOR_HEADER  "\r\nSec-WebSocket-Key:"


size_t
floor_upgrade(const u_char *head, size_t len, char *path, u_char *response)
{
    int            n;
    char          *key, text[FLOOR_HEAD];
    u_char         digest[EVP_MAX_MD_SIZE], accept[64];
    char           buf[FLOOR_KEY + sizeof(FLOOR_GUID)];
    size_t         size;
    unsigned int   digest_len;

    if (len >= sizeof(text)) {
        return 0;
    }

    memcpy(text, head, len);
    text[len] = '\0';

    if (strncmp(text, "GET /", 5) != 0) {
        return 0;
    }

    size = strcspn(text + 4, " \r\n");

    if (size >= FLOOR_PATH) {
        return 0;
    }

    memcpy(path, text + 4, size);
    path[size] = '\0';

    key = strcasestr(text, FLOOR_HEADER);

    if (key == NULL) {
        return 0;
    }

    key += sizeof(FLOOR_HEADER) - 1;
    key += strspn(key, " ");

    if (strcspn(key, " \r\n") != FLOOR_KEY) {
        return 0;
    }

    memcpy(buf, key, FLOOR_KEY);
    memcpy(buf + FLOOR_KEY, FLOOR_GUID, sizeof(FLOOR_GUID) - 1);

    if (EVP_Digest(buf, FLOOR_KEY + sizeof(FLOOR_GUID) - 1, digest,
                   &digest_len, EVP_sha1(), NULL)
        != 1)
    {
        return 0;
    }

    (void) EVP_EncodeBlock(accept, digest, (int) digest_len);

    n = snprintf((char *) response, FLOOR_RESPONSE,
                 "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n", (char *) accept);

    return (n > 0 && n < FLOOR_RESPONSE) ? (size_t) n : 0;
}
