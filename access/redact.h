
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What is secret in a line of text, overwritten.  Called by error_log.c for
 * every line of the error log and by mask.c for the access log.
 *
 * Plain C, allocates nothing, keeps nothing; the text is the caller's.
 */


#ifndef _REDACT_H_INCLUDED_
#define _REDACT_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


/*
 * Overwrites with asterisks, in place, what looks like a credential:
 *
 *     JSON Web Tokens, any run of base64url and "." from "eyJ" on;
 *     what follows "Bearer ", "Basic ", and "Authorization:" but the scheme;
 *     what follows "signaling.bearer.";
 *     the values of the arguments "key", "apiKey", "token" and "secretKey",
 *     unless they begin with "pk_";
 *     what follows "sk_<name>:", the pair of a backend;
 *     the members "credential", "password", "secret", "secretKey", "token"
 *     of JSON;
 *     28 characters of base64, which is what a HMAC-SHA1 is;
 *     a password's hash, as ngx_http_auth_basic_module prints it.
 *
 * A text may begin or end anywhere, as the lines of a log do.  What is not of
 * these forms is not touched, and doing it twice is doing it once.
 */
void access_redact(u_char *p, size_t len);


#pragma GCC visibility pop


#endif /* _REDACT_H_INCLUDED_ */
