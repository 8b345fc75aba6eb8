/* What every SDK must do, in C: the guest of the conformance table. */
#include "../../c/caxton.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define OBJECT(properties, required) \
    "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT(name) OBJECT("\"" name "\":{\"type\":\"string\"}", "\"" name "\"")

static caxton_answer refused(const char *why) {
    caxton_buffer text = {0};
    caxton_add(&text, "refused: ");
    caxton_add(&text, why);
    caxton_add_bytes(&text, "", 1);
    return caxton_failed(text.at);
}

static const char *c_text(caxton_text text) {
    caxton_buffer buffer = {0};
    caxton_add_text(&buffer, text);
    caxton_add_bytes(&buffer, "", 1);
    return buffer.at;
}

static caxton_answer hello(caxton_text arguments) {
    caxton_text name;
    caxton_buffer said = {0};
    if (!caxton_get_text(arguments, "name", &name)) return caxton_invalid("`name` must be a text");
    caxton_add(&said, "Hello, ");
    caxton_add_text(&said, name);
    caxton_add(&said, "!");
    return caxton_say(said);
}

static caxton_answer echo(caxton_text arguments) {
    caxton_text text;
    caxton_buffer said = {0};
    if (!caxton_get_text(arguments, "text", &text)) return caxton_invalid("`text` must be a text");
    caxton_add_text(&said, text);
    return caxton_say(said);
}

static caxton_answer fail(caxton_text arguments) {
    caxton_text kind;
    if (!caxton_get_text(arguments, "kind", &kind)) return caxton_invalid("`kind` must be a text");
    return caxton_equal(kind, "invalid") ? caxton_invalid("as asked: invalid") : caxton_failed("as asked: failed");
}

static caxton_answer big(caxton_text arguments) {
    double kib;
    caxton_buffer said = {0};
    if (!caxton_get_number(arguments, "kib", &kib)) return caxton_invalid("`kib` must be a number");
    char line[1024];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < kib; i++) caxton_add_bytes(&said, line, sizeof line);
    return caxton_say(said);
}

static caxton_answer spin(caxton_text arguments) {
    (void)arguments;
    for (volatile unsigned i = 0;; i++) {
    }
}

static caxton_answer trap(caxton_text arguments) {
    (void)arguments;
    __builtin_trap();
}

static caxton_answer read_file(caxton_text arguments) {
    caxton_text path;
    caxton_buffer said = {0};
    if (!caxton_get_text(arguments, "path", &path)) return caxton_invalid("`path` must be a text");
    FILE *file = fopen(c_text(path), "rb");
    if (!file) return refused(strerror(errno));
    char bytes[4096];
    for (size_t len; (len = fread(bytes, 1, sizeof bytes, file)) > 0;) caxton_add_bytes(&said, bytes, len);
    fclose(file);
    return caxton_say(said);
}

static caxton_answer environment(caxton_text arguments) {
    caxton_text name;
    caxton_buffer said = {0};
    if (!caxton_get_text(arguments, "name", &name)) return caxton_invalid("`name` must be a text");
    const char *value = getenv(c_text(name));
    if (!value) return refused("it is not set");
    caxton_add(&said, value);
    return caxton_say(said);
}

/* WASI 0.1 cannot make a connection, only take one that it was handed: none of its descriptors may be one. */
static caxton_answer reach(caxton_text arguments) {
    (void)arguments;
    caxton_buffer said = {0};
    char byte;
    for (int descriptor = 0; descriptor < 64; descriptor++) {
        if (accept(descriptor, NULL, NULL) >= 0 || recv(descriptor, &byte, 1, 0) >= 0) {
            caxton_add(&said, "connected");
            return caxton_say(said);
        }
    }
    return refused(strerror(errno));
}

CAXTON_TOOLS(
    {"hello", "Greets somebody by name.", TEXT("name"), "{\"annotations\":{\"readOnlyHint\":true}}", hello},
    {"echo", "Says what it is told.", TEXT("text"), NULL, echo},
    {"fail", "Fails in the way it is asked to.", TEXT("kind"), NULL, fail},
    {"big", "Answers at length.", OBJECT("\"kib\":{\"type\":\"integer\"}", "\"kib\""), NULL, big},
    {"spin", "Never ends.", OBJECT("", ""), NULL, spin},
    {"trap", "Crashes.", OBJECT("", ""), NULL, trap},
    {"read", "Reads a file.", TEXT("path"), NULL, read_file},
    {"env", "Reads a variable of the environment.", TEXT("name"), NULL, environment},
    {"connect", "Connects to an address.", TEXT("address"), NULL, reach})
