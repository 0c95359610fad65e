
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Workers that start, do one operation after the other, and die in the middle
 * of one.  Who makes the choices, a test or a fuzzer, has chance(), aim() and
 * fatal().
 */


#ifndef _REGISTRY_MODEL_RUN_H_INCLUDED_
#define _REGISTRY_MODEL_RUN_H_INCLUDED_


#include "registry_model_ops.h"


/*
 * Whether who comes to this place now dies there; in a rebuild it is somebody
 * else's death that is being mended.  aim() is called before it all begins.
 */
int fatal(const char *file, int line, int rebuild);
void aim(int rebuild);


/* an empty registry, and nobody's death is near */
void model_begin(void);

/* each of these returns NULL, or what is not as in the model */

/* one more worker, if there is a slot for it */
const char *model_spawn(void);

/* some living worker does it; there has to be one */
const char *model_step(op_t *op);

/* somebody without a slot reaps one that nobody reaps */
const char *model_clean(uint32_t slot);

/* everybody dies, and nothing is left but the apps */
const char *model_finish(void);

/* as many living workers as wanted, or less; returns how many there are */
uint32_t model_staff(uint32_t wanted);


extern uint64_t  deaths;
extern uint64_t  rebuild_deaths;       /* not among the deaths */
extern uint32_t  spawned;


#endif /* _REGISTRY_MODEL_RUN_H_INCLUDED_ */
