// The one thing that a site owner has to set: the publishable key, as it
// stands in the publishable_key block of nginx.conf.  It is no secret; what
// it may do, and from which pages, is decided by that block.

export const publishableKey = 'pk_live_demo';
