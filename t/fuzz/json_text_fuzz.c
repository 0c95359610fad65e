
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the handing on of JSON as it was written: of an object that jansson
 * takes, each member's text says the same as its value, also when it has been
 * made compact.
 */


#include "fuzz.h"
#include "json_text.h"


/* as the callers do; a token or a body has no name twice */

#define FUZZ_FLAGS  (JSON_REJECT_DUPLICATES|JSON_DECODE_ANY)


static void fuzz_member(const slice_t *text, json_t *object, void *member);
static void fuzz_says(const slice_t *text, const json_t *value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void     *member;
    json_t   *object;
    slice_t   text, value;

    text = fuzz_slice(data, size);

    object = json_loadb((char *) text.data, text.len, FUZZ_FLAGS, NULL);

    if (json_is_object(object)) {

        for (member = json_object_iter(object);
             member != NULL;
             member = json_object_iter_next(object, member))
        {
            fuzz_member(&text, object, member);
        }

        if (json_object_get(object, "none of them") == NULL) {
            fuzz_check(access_json_member(&text, object, "none of them",
                                          &value)
                       == -1);
        }
    }

    json_decref(object);
    free(text.data);

    return 0;
}


static void
fuzz_member(const slice_t *text, json_t *object, void *member)
{
    u_char   *end;
    slice_t   value, compact, twice;

    fuzz_check(access_json_member(text, object, json_object_iter_key(member),
                                  &value)
               == 0);

    fuzz_check(value.data >= text->data
               && value.data + value.len <= text->data + text->len);

    fuzz_says(&value, json_object_iter_value(member));

    compact = fuzz_slice(value.data, value.len);
    end = access_json_compact(compact.data, &value);

    fuzz_check(end <= compact.data + value.len);

    compact.len = (size_t) (end - compact.data);
    fuzz_says(&compact, json_object_iter_value(member));

    twice = fuzz_slice(compact.data, compact.len);
    end = access_json_compact(twice.data, &compact);

    fuzz_check(end == twice.data + compact.len && slice_eq(&twice, &compact));

    free(compact.data);
    free(twice.data);
}


static void
fuzz_says(const slice_t *text, const json_t *value)
{
    json_t  *again;

    again = json_loadb((char *) text->data, text->len, FUZZ_FLAGS, NULL);

    fuzz_check(again != NULL && json_equal(again, value));

    json_decref(again);
}
