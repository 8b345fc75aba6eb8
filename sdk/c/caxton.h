/* caxton.h: a tool server in C, in one file without dependencies.
 *
 * Include it in exactly one source file, write a function per tool, and name them in CAXTON_TOOLS:
 *
 *     static caxton_answer hello(caxton_text arguments) {
 *         caxton_text name;
 *         if (!caxton_get_text(arguments, "name", &name)) return caxton_invalid("`name` must be a text");
 *         caxton_buffer said = {0};
 *         caxton_add(&said, "Hello, ");
 *         caxton_add_text(&said, name);
 *         return caxton_say(said);
 *     }
 *
 *     CAXTON_TOOLS({"hello", "Greets somebody by name.",
 *                   "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":[\"name\"]}",
 *                   NULL, hello})
 *
 * Texts are UTF-8 with a length, not ended by NUL. Whatever caxton_alloc gives is freed when the call has ended.
 */
#ifndef CAXTON_H
#define CAXTON_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

typedef struct {
    const char *at;
    size_t len;
} caxton_text;

/* A text that grows; begin with {0}. */
typedef struct {
    char *at;
    size_t len, room;
} caxton_buffer;

static inline caxton_text caxton_text_of(const char *text) { return (caxton_text){text, strlen(text)}; }

static inline bool caxton_equal(caxton_text text, const char *other) {
    return text.len == strlen(other) && memcmp(text.at, other, text.len) == 0;
}

/* Memory until the call has ended; a tool that is out of it ends its call. */
static void *caxton_alloc(size_t size);

static inline void caxton_add_bytes(caxton_buffer *buffer, const char *bytes, size_t len) {
    if (len > buffer->room - buffer->len) {
        size_t room = buffer->room * 2 + len;
        if (room < len) __builtin_trap();
        char *at = caxton_alloc(room);
        if (buffer->len) memcpy(at, buffer->at, buffer->len);
        buffer->at = at;
        buffer->room = room;
    }
    if (len) memcpy(buffer->at + buffer->len, bytes, len);
    buffer->len += len;
}

static inline void caxton_add(caxton_buffer *buffer, const char *text) { caxton_add_bytes(buffer, text, strlen(text)); }

static inline void caxton_add_text(caxton_buffer *buffer, caxton_text text) { caxton_add_bytes(buffer, text.at, text.len); }

/* As JSON: `null` where it is no finite number, else with as few digits as tell it from its neighbours. */
static inline void caxton_add_number(caxton_buffer *buffer, double number) {
    char text[32];
    if (!isfinite(number)) {
        caxton_add(buffer, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    caxton_add(buffer, text);
}

/* As a JSON string with its quotes. */
static inline void caxton_add_json(caxton_buffer *buffer, caxton_text text) {
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;
    caxton_add(buffer, "\"");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        caxton_add_bytes(buffer, text.at + from, i - from);
        from = i + 1;
        char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        const char *plain = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
        if (plain) caxton_add(buffer, plain);
        else caxton_add_bytes(buffer, code, sizeof code);
    }
    caxton_add_bytes(buffer, text.at + from, text.len - from);
    caxton_add(buffer, "\"");
}

/* ---- arguments: reading JSON ---- */

/* The JSON of a member of an object, as it stands there. */
static inline bool caxton_get(caxton_text object, const char *key, caxton_text *value);
/* The items of an array one after the other; begin with *at = 0. */
static inline bool caxton_next(caxton_text array, size_t *at, caxton_text *item);
/* What a piece of JSON is; false when it is something else. */
static inline bool caxton_as_text(caxton_text json, caxton_text *text);
static inline bool caxton_as_number(caxton_text json, double *number);
static inline bool caxton_as_bool(caxton_text json, bool *value);

static inline bool caxton_get_text(caxton_text object, const char *key, caxton_text *text) {
    caxton_text json;
    return caxton_get(object, key, &json) && caxton_as_text(json, text);
}

static inline bool caxton_get_number(caxton_text object, const char *key, double *number) {
    caxton_text json;
    return caxton_get(object, key, &json) && caxton_as_number(json, number);
}

static inline bool caxton_get_bool(caxton_text object, const char *key, bool *value) {
    caxton_text json;
    return caxton_get(object, key, &json) && caxton_as_bool(json, value);
}

/* ---- answers ---- */

typedef struct {
    enum { CAXTON_DONE, CAXTON_INVALID, CAXTON_FAILED } outcome;
    caxton_text text;
} caxton_answer;

static inline caxton_answer caxton__result(caxton_text text, const char *structured, size_t len) {
    caxton_buffer out = {0};
    caxton_add(&out, "{\"content\":[{\"type\":\"text\",\"text\":");
    caxton_add_json(&out, text);
    caxton_add(&out, "}]");
    if (structured) {
        caxton_add(&out, ",\"structuredContent\":");
        caxton_add_bytes(&out, structured, len);
    }
    caxton_add(&out, ",\"isError\":false}");
    return (caxton_answer){CAXTON_DONE, {out.at, out.len}};
}

/* Answers with a text. */
static inline caxton_answer caxton_say(caxton_buffer text) {
    return caxton__result((caxton_text){text.at, text.len}, NULL, 0);
}

/* Answers with a text for a model, and a JSON object that says the same to a program. */
static inline caxton_answer caxton_tell(caxton_buffer text, caxton_buffer json) {
    return caxton__result((caxton_text){text.at, text.len}, json.at, json.len);
}

/* The arguments do not fit; the text tells a model how to correct them. */
static inline caxton_answer caxton_invalid(const char *text) { return (caxton_answer){CAXTON_INVALID, caxton_text_of(text)}; }

/* The arguments fit, the work could not be done. */
static inline caxton_answer caxton_failed(const char *text) { return (caxton_answer){CAXTON_FAILED, caxton_text_of(text)}; }

/* ---- the tools ---- */

typedef struct {
    const char *name;         /* 1 to 64 of a-z A-Z 0-9 _ - */
    const char *description;  /* for a model */
    const char *input_schema; /* JSON Schema of the arguments, an object */
    const char *options;      /* NULL, or a JSON object: annotations, outputSchema, title */
    caxton_answer (*run)(caxton_text arguments);
} caxton_tool;

#define CAXTON_TOOLS(...)                                    \
    const caxton_tool caxton__tools[] = {__VA_ARGS__};       \
    const size_t caxton__tools_len = sizeof caxton__tools / sizeof *caxton__tools;

extern const caxton_tool caxton__tools[];
extern const size_t caxton__tools_len;

/* ---- from here on: how it is done ---- */

/* Every block of a call, so that all are freed at its end. */
static struct caxton__block {
    struct caxton__block *next;
    max_align_t bytes[];
} *caxton__blocks;

static void *caxton_alloc(size_t size) {
    struct caxton__block *block = size > SIZE_MAX - sizeof *block ? NULL : malloc(sizeof *block + size);
    if (!block) __builtin_trap();
    block->next = caxton__blocks;
    caxton__blocks = block;
    return block->bytes;
}

static void caxton__free_all(void) {
    while (caxton__blocks) {
        struct caxton__block *next = caxton__blocks->next;
        free(caxton__blocks);
        caxton__blocks = next;
    }
}

static inline const char *caxton__blank(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* Behind the string that begins at p, or NULL. */
static inline const char *caxton__skip_string(const char *p, const char *end) {
    for (p++; p < end; p++) {
        if (*p == '"') return p + 1;
        if (*p == '\\') p++;
    }
    return NULL;
}

/* Behind the value that begins at p, or NULL. */
static inline const char *caxton__skip(const char *p, const char *end) {
    size_t depth = 0;
    const char *from = p;
    while (p < end) {
        if (*p == '"') {
            p = caxton__skip_string(p, end);
            if (!p || depth == 0) return p;
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            if (depth == 0) return p > from ? p : NULL;
            p++;
            if (--depth == 0) return p;
        } else if (depth == 0 && (*p == ',' || *p == ':' || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
            return p > from ? p : NULL;
        } else {
            p++;
        }
    }
    return depth == 0 && p > from ? p : NULL;
}

static inline bool caxton_get(caxton_text object, const char *key, caxton_text *value) {
    const char *end = object.at + object.len, *p = caxton__blank(object.at, end);
    if (p == end || *p != '{') return false;
    for (p++;;) {
        p = caxton__blank(p, end);
        if (p == end || *p != '"') return false;
        const char *name_end = caxton__skip_string(p, end);
        caxton_text name;
        if (!name_end || !caxton_as_text((caxton_text){p, (size_t)(name_end - p)}, &name)) return false;
        p = caxton__blank(name_end, end);
        if (p == end || *p != ':') return false;
        p = caxton__blank(p + 1, end);
        const char *value_end = caxton__skip(p, end);
        if (!value_end) return false;
        if (caxton_equal(name, key)) {
            *value = (caxton_text){p, (size_t)(value_end - p)};
            return true;
        }
        p = caxton__blank(value_end, end);
        if (p == end || *p != ',') return false;
        p++;
    }
}

static inline bool caxton_next(caxton_text array, size_t *at, caxton_text *item) {
    const char *end = array.at + array.len, *p = caxton__blank(array.at + *at, end);
    if (p == end || *p != (*at ? ',' : '[')) return false;
    p = caxton__blank(p + 1, end);
    const char *item_end = p < end && *p != ']' ? caxton__skip(p, end) : NULL;
    if (!item_end) return false;
    *item = (caxton_text){p, (size_t)(item_end - p)};
    *at = (size_t)(item_end - array.at);
    return true;
}

/* The four hexadecimal digits at p, or -1. */
static inline long caxton__hex4(const char *p, const char *end) {
    long code = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

static inline char *caxton__put(char *out, long code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

static inline bool caxton_as_text(caxton_text json, caxton_text *text) {
    if (json.len < 2 || json.at[0] != '"' || json.at[json.len - 1] != '"') return false;
    const char *p = json.at + 1, *end = json.at + json.len - 1;
    if (!memchr(p, '\\', (size_t)(end - p))) {
        *text = (caxton_text){p, (size_t)(end - p)};
        return true;
    }
    /* Never longer than what it is written as. */
    char *begin = caxton_alloc(json.len), *out = begin;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        if (++p == end) return false;
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *plain = memchr(from, *p, sizeof from - 1);
        if (plain) {
            *out++ = to[plain - from];
            p++;
            continue;
        }
        if (*p++ != 'u') return false;
        long code = caxton__hex4(p, end);
        if (code < 0) return false;
        p += 4;
        if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
            long low = caxton__hex4(p + 2, end);
            if (low >= 0xdc00 && low < 0xe000) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                p += 6;
            }
        }
        out = caxton__put(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    }
    *text = (caxton_text){begin, (size_t)(out - begin)};
    return true;
}

static inline bool caxton_as_number(caxton_text json, double *number) {
    char text[64], *end;
    if (json.len == 0 || json.len >= sizeof text || !memchr("-0123456789", json.at[0], 11)) return false;
    memcpy(text, json.at, json.len);
    text[json.len] = 0;
    *number = strtod(text, &end);
    return end == text + json.len;
}

static inline bool caxton_as_bool(caxton_text json, bool *value) {
    *value = caxton_equal(json, "true");
    return *value || caxton_equal(json, "false");
}

/* ---- the component ABI of the world `caxton:tool/tool-server` ---- */

#define CAXTON__EXPORT(name) __attribute__((export_name(name), used))

CAXTON__EXPORT("cabi_realloc")
void *caxton__realloc(void *old, size_t old_size, size_t align, size_t size) {
    if (size == 0) return (void *)align;
    void *new = caxton_alloc(size);
    if (old_size) memcpy(new, old, old_size < size ? old_size : size);
    return new;
}

/* A `tool` of the world: four texts, the last of them optional. */
typedef struct {
    caxton_text name, description, input_schema;
    uint32_t has_options;
    caxton_text options;
} caxton__record;

typedef struct {
    uint8_t is_error;
    union {
        caxton_text result;
        struct {
            uint8_t kind; /* 0 unknown-tool, 1 invalid-arguments, 2 failed */
            caxton_text text;
        } error;
    } of;
} caxton__outcome;

_Static_assert(sizeof(caxton__record) == 36 && sizeof(caxton__outcome) == 16, "the layout is that of the canonical ABI");

CAXTON__EXPORT("caxton:tool/tools@0.1.0#list-tools")
caxton_text *caxton__list(void) {
    caxton__record *records = caxton_alloc(sizeof *records * (caxton__tools_len + 1));
    caxton_text *list = caxton_alloc(sizeof *list);
    for (size_t i = 0; i < caxton__tools_len; i++) {
        const caxton_tool *tool = &caxton__tools[i];
        records[i] = (caxton__record){caxton_text_of(tool->name), caxton_text_of(tool->description), caxton_text_of(tool->input_schema),
                                      tool->options != NULL, caxton_text_of(tool->options ? tool->options : "")};
    }
    *list = (caxton_text){(const char *)records, caxton__tools_len};
    return list;
}

CAXTON__EXPORT("caxton:tool/tools@0.1.0#call-tool")
caxton__outcome *caxton__call(const char *name, size_t name_len, const char *arguments, size_t arguments_len) {
    caxton_text wanted = {name, name_len};
    caxton__outcome *outcome = caxton_alloc(sizeof *outcome);
    *outcome = (caxton__outcome){0};
    for (size_t i = 0; i < caxton__tools_len; i++) {
        if (!caxton_equal(wanted, caxton__tools[i].name)) continue;
        caxton_answer answer = caxton__tools[i].run((caxton_text){arguments, arguments_len});
        if (answer.outcome == CAXTON_DONE) {
            outcome->of.result = answer.text;
        } else {
            outcome->is_error = 1;
            outcome->of.error.kind = answer.outcome == CAXTON_INVALID ? 1 : 2;
            outcome->of.error.text = answer.text;
        }
        return outcome;
    }
    caxton_buffer text = {0};
    caxton_add(&text, "there is no tool `");
    caxton_add_text(&text, wanted);
    caxton_add(&text, "`");
    outcome->is_error = 1;
    outcome->of.error.text = (caxton_text){text.at, text.len};
    return outcome;
}

CAXTON__EXPORT("cabi_post_caxton:tool/tools@0.1.0#list-tools")
void caxton__listed(void *list) {
    (void)list;
    caxton__free_all();
}

CAXTON__EXPORT("cabi_post_caxton:tool/tools@0.1.0#call-tool")
void caxton__called(void *outcome) {
    (void)outcome;
    caxton__free_all();
}

#endif
