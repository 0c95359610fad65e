
# Copyright (C) The ngx_signaling authors

# What includes no header of nginx, so that unit tests and fuzzers can have it:
# CODE, the files without their folders.  ROOT is set by who includes this.

SIG =       $(ROOT)/ngx_signaling_module
TURN =      $(ROOT)/ngx_turncred_module

ACCESS =    $(ROOT)/access

WITH_NGINX = access_conf.c access_set.c access_watch.c answer.c body.c \
            conf_file.c error_log.c mask.c request.c worker_user.c

CODE =      $(notdir $(wildcard $(SIG)/sig_*.c $(TURN)/turn_*.c)) \
            $(filter-out $(WITH_NGINX),$(notdir $(wildcard $(ACCESS)/*.c)))

LIBS =      -ljansson -lcrypto -lz

vpath %.c   $(SIG) $(ACCESS) $(TURN)
