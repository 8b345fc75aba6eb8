#include "caxton.h"

static caxton_answer hello(caxton_text arguments) {
    caxton_text name;
    if (!caxton_get_text(arguments, "name", &name)) return caxton_invalid("`name` must be a text");
    caxton_buffer said = {0};
    caxton_add(&said, "Hello, ");
    caxton_add_text(&said, name);
    caxton_add(&said, "!");
    return caxton_say(said);
}

CAXTON_TOOLS({
    .name = "hello",
    .description = "Greets somebody by name.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"description\":\"Who is greeted\"}},"
                    "\"required\":[\"name\"],\"additionalProperties\":false}",
    .options = "{\"annotations\":{\"readOnlyHint\":true}}",
    .run = hello,
})
