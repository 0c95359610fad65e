
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_ops.h"


static int64_t month_of(int64_t now);


const char *
op_app(uint32_t slot)
{
    int       rc;
    slice_t   name;
    uint32_t  n, app;

    /* mostly one that is there */

    n = chance(model.napps);

    if (model.napps < MODEL_APPS_MAX && chance(2) == 0) {
        n = model.napps;
    }

    name = model_app(n);
    intent.new_app = n == model.napps;

    call(rc, sig_registry_app(&model.worker[slot], &name, &app));

    if (rc == SIG_REGISTRY_FULL) {
        full++;
        return n == model.napps && model_full(&model, NONE, 0)
               ? NULL : "app: full";
    }

    if (n == model.napps) {
        model.app[model.napps++] = app;
    }

    return model.app[n] == app ? NULL : "app";
}


/* the master sets them, who never dies; mostly none, so that it gets full */

const char *
op_limits(uint32_t slot)
{
    quota_t  *quota;
    uint32_t  app;

    app = chance(MODEL_APPS);
    quota = &model.quota[app];

    quota->max_connections = 0;
    quota->max_messages = 0;
    quota->suspended = 0;

    if (chance(6) == 0) {
        quota->max_connections = model_connected(&model, app) + chance(4);
        quota->max_messages = quota->messages + chance(4);
        quota->suspended = chance(4) == 0;
    }

    return sig_registry_app_limits(&model.observer, model.app[app],
                                   quota->max_connections,
                                   quota->max_messages, quota->suspended)
           == SIG_REGISTRY_OK ? NULL : "limits";
}


const char *
op_message(uint32_t slot)
{
    int       rc, over;
    quota_t  *quota;
    uint32_t  app;

    app = chance(MODEL_APPS);
    quota = &model.quota[app];

    rc = sig_registry_message(&model.worker[slot], model.app[app], model.now);

    if (quota->messages_month != month_of(model.now)) {
        quota->messages_month = month_of(model.now);
        quota->messages = 0;
    }

    over = quota->max_messages != 0 && quota->messages >= quota->max_messages;
    quota->messages++;

    return rc == (over ? SIG_REGISTRY_LIMIT : SIG_REGISTRY_OK) ? NULL
                                                               : "message";
}


const char *
op_clock(uint32_t slot)
{
    model.now += chance(3) ? chance(86400) : chance(70 * 86400);

    armed = mortal;
    sig_registry_clock(&model.worker[slot], model.now);
    armed = 0;

    model_peaks(&model);

    return NULL;
}


static int64_t
month_of(int64_t now)
{
    sig_period_t  period;

    sig_period_at(&period, now);

    return period.start;
}


uint32_t
model_connected(model_t *m, uint32_t app)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < MODEL_CONNS; i++) {
        n += m->conn[i].state == LIVE && m->conn[i].app == app;
    }

    return n;
}


void
model_peaks(model_t *m)
{
    quota_t   *quota;
    uint32_t   app, n;

    for (app = 0; app < MODEL_APPS; app++) {
        quota = &m->quota[app];
        n = model_connected(m, app);

        if (quota->peak_month != month_of(m->now)) {
            quota->peak_month = month_of(m->now);
            quota->peak = n;
        }

        if (n > quota->peak) {
            quota->peak = n;
        }
    }
}


const char *
model_usage(model_t *m)
{
    quota_t      *quota;
    uint32_t      app;
    sig_usage_t   usage;

    model_peaks(m);

    for (app = 0; app < MODEL_APPS; app++) {
        quota = &m->quota[app];

        sig_registry_usage(&m->observer, m->app[app], m->now, &usage);

        if (usage.connections != model_connected(m, app)) {
            return "connections of an app";
        }

        if (usage.peak != quota->peak) {
            return "peak of an app";
        }

        if (usage.messages != (quota->messages_month == month_of(m->now)
                               ? quota->messages : 0))
        {
            return "messages of an app";
        }

        if (usage.max_connections != quota->max_connections
            || usage.max_messages != quota->max_messages
            || usage.suspended != (unsigned) quota->suspended
            || sig_registry_app_suspended(&m->observer, m->app[app])
               != quota->suspended)
        {
            return "limits of an app";
        }
    }

    return NULL;
}
