
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Whether there is no memory: what all have left, and what one peer has.
 */


#include "registry_model.h"
#include "sig_registry_node.h"


static uint32_t model_units(size_t size);
static uint32_t model_room_units(uint32_t room);
static uint32_t model_conn_units(uint32_t data);
static uint32_t model_peer_units(model_t *model, uint32_t app, uint32_t id);


uint32_t
model_pages(model_t *model)
{
    uint32_t           n, pages;
    sig_store_head_t  *head;

    head = model->observer.store.head;
    pages = model->observer.store.npages - head->touched;

    for (n = head->free_page; n != 0; n = model->observer.store.pages[n - 1]
                                          .next)
    {
        pages++;
    }

    return pages;
}


int
model_full(model_t *model, uint32_t app, int newcomer)
{
    uint32_t     left, units;
    sig_app_t   *a;
    sig_head_t  *head;

    /* the third page it did not get */

    left = 3 * SIG_PAGE_UNITS;

    if (app != NONE) {
        head = sig_head(&model->observer);
        a = sig_app_node(&model->observer, model->app[app]);
        units = a->units < head->guarantee ? head->guarantee - a->units : 0;

        left += SIG_RESERVE(model->observer.store.npages) * SIG_PAGE_UNITS
                / (newcomer ? 1 : 2)
                + head->need - units;
    }

    return model_pages(model) * SIG_PAGE_UNITS < left;
}


int
model_peer_full(model_t *model, uint32_t app, uint32_t id, uint32_t data)
{
    uint32_t  n;

    n = model_present(model, app, id);

    return n == SIG_PEER_CONNECTIONS
           || (n > 0 && model_peer_units(model, app, id)
                        + model_conn_units(data)
                        > model->observer.store.npages * SIG_PAGE_UNITS / 8);
}


int
model_peer_joined(model_t *model, uint32_t app, uint32_t id, uint32_t room)
{
    return model_peer_units(model, app, id) + model_room_units(room)
           > model->observer.store.npages * SIG_PAGE_UNITS / 8;
}


static uint32_t
model_peer_units(model_t *model, uint32_t app, uint32_t id)
{
    conn_t    *conn;
    uint32_t   i, units;

    units = 0;

    for (i = 0; i < MODEL_CONNS; i++) {
        conn = &model->conn[i];

        if (conn->state == LIVE && conn->app == app && conn->id == id) {
            units += model_conn_units(conn->data);
        }
    }

    for (i = 0; i < model->nmembers; i++) {
        conn = &model->conn[model->member[i].conn];

        if (model->member[i].state != GONE && conn->state == LIVE
            && conn->app == app && conn->id == id)
        {
            units += model_room_units(model->member[i].room);
        }
    }

    return units;
}


static uint32_t
model_room_units(uint32_t room)
{
    return SIG_MEMBER_UNITS
           + model_units(sig_room_size(model_room(room).len));
}


static uint32_t
model_conn_units(uint32_t data)
{
    size_t  len;

    len = model_data(data).len;

    return SIG_CONN_UNITS
           + (len > 0 ? model_units(sizeof(sig_block_t) + len) : 0);
}


static uint32_t
model_units(size_t size)
{
    uint32_t  i;

    static const uint32_t  units[] = {
        3, 4, 6, 8, 12, 16, 32, 68, 132, 260
    };

    for (i = 0; units[i] * (size_t) SIG_UNIT < size; i++) {
        /* void */
    }

    return units[i];
}
