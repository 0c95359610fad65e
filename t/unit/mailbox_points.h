
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * sig_mailbox for tests: the same source, but before every atomic operation
 * it calls mailbox_point when that is set.  What happens there (another
 * process goes on, this one dies) happens between two steps of the mailbox.
 */


#ifndef _MAILBOX_POINTS_H_INCLUDED_
#define _MAILBOX_POINTS_H_INCLUDED_


extern void (*mailbox_point)(void);


#endif /* _MAILBOX_POINTS_H_INCLUDED_ */
