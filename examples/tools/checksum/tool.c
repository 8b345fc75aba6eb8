/* checksum: digests of texts and attached files: SHA-256 and CRC-32. */
#include "../../../sdk/c/caxton.h"

/* ---- SHA-256, FIPS 180-4 ---- */

typedef struct {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64];
} sha256;

static const uint32_t ROUNDS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotated(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void sha256_block(uint32_t *state, const uint8_t *block) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++, block += 4) {
        w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[i - 7] + (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t one = s[7] + (rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + ROUNDS[i] + w[i];
        uint32_t two = (rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static void sha256_begin(sha256 *sum) {
    static const uint32_t begin[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sum->state, begin, sizeof begin);
    sum->len = 0;
}

static void sha256_add(sha256 *sum, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        size_t held = sum->len % 64, take = 64 - held < len ? 64 - held : len;
        memcpy(sum->block + held, bytes, take);
        sum->len += take;
        bytes += take;
        len -= take;
        if (sum->len % 64 == 0) sha256_block(sum->state, sum->block);
    }
}

static void sha256_end(sha256 *sum, uint8_t *digest) {
    uint64_t bits = sum->len * 8;
    uint8_t end[72] = {0x80}, *length = end + (119 - sum->len % 64) % 64 + 1;
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(sum, end, (size_t)(length - end) + 8);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(sum->state[i / 4] >> (24 - i % 4 * 8));
}

/* ---- CRC-32, as in zip and PNG ---- */

static uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t len) {
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* ---- the tool ---- */

typedef struct {
    sha256 sha;
    uint32_t crc;
    uint64_t len;
} sums;

static void sums_add(sums *all, const void *bytes, size_t len) {
    sha256_add(&all->sha, bytes, len);
    all->crc = crc32_add(all->crc, bytes, len);
    all->len += len;
}

static const char *read_file(sums *all, caxton_text name) {
    if (name.len == 0 || memchr(name.at, '/', name.len) || memchr(name.at, 0, name.len)) return "`file` must be the plain name of an attachment";
    caxton_buffer path = {0};
    caxton_add(&path, "/attachments/");
    caxton_add_text(&path, name);
    caxton_add_bytes(&path, "", 1);
    FILE *file = fopen(path.at, "rb");
    if (!file) return "no attachment has this name";
    static char bytes[64 << 10];
    for (size_t len; (len = fread(bytes, 1, sizeof bytes, file)) > 0;) sums_add(all, bytes, len);
    bool is_read = !ferror(file);
    fclose(file);
    return is_read ? NULL : "the attachment could not be read";
}

static void add_hex(caxton_buffer *out, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char pair[3];
        snprintf(pair, sizeof pair, "%02x", bytes[i]);
        caxton_add(out, pair);
    }
}

static caxton_answer checksum(caxton_text arguments) {
    sums all = {0};
    caxton_text text, name;
    sha256_begin(&all.sha);
    bool has_text = caxton_get_text(arguments, "text", &text), has_file = caxton_get_text(arguments, "file", &name);
    if (has_text == has_file) return caxton_invalid("give either `text` or `file`");
    if (has_text) {
        sums_add(&all, text.at, text.len);
    } else {
        const char *problem = read_file(&all, name);
        if (problem) return caxton_invalid(problem);
    }
    uint8_t digest[32], crc[4] = {(uint8_t)(all.crc >> 24), (uint8_t)(all.crc >> 16), (uint8_t)(all.crc >> 8), (uint8_t)all.crc};
    sha256_end(&all.sha, digest);
    caxton_buffer said = {0}, data = {0};
    caxton_add(&said, "SHA-256 ");
    add_hex(&said, digest, sizeof digest);
    caxton_add(&said, ", CRC-32 ");
    add_hex(&said, crc, sizeof crc);
    caxton_add(&data, "{\"sha256\":\"");
    add_hex(&data, digest, sizeof digest);
    caxton_add(&data, "\",\"crc32\":\"");
    add_hex(&data, crc, sizeof crc);
    caxton_add(&data, "\",\"bytes\":");
    caxton_add_number(&data, (double)all.len);
    caxton_add(&data, "}");
    return caxton_tell(said, data);
}

CAXTON_TOOLS({
    .name = "checksum",
    .description = "Computes the SHA-256 and CRC-32 of a text or of an attached file, to tell whether two are the same.",
    .input_schema = "{\"type\":\"object\",\"properties\":{"
                    "\"text\":{\"type\":\"string\",\"description\":\"The text, in UTF-8\"},"
                    "\"file\":{\"type\":\"string\",\"format\":\"attachment\",\"description\":\"Name of the attached file\"}},"
                    "\"additionalProperties\":false}",
    .options = "{\"annotations\":{\"readOnlyHint\":true,\"openWorldHint\":false}}",
    .run = checksum,
})
