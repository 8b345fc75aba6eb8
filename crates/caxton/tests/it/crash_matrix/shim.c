/* Kills the process (SIGKILL) at the n-th commit of a journal, named by CAXTON_TEST_KILL=SIDE:N. Loaded with LD_PRELOAD, so that the server under
 * test is the one that is shipped. SQLite commits by a frame in the write-ahead log whose header (24 bytes) has a page count in its second word,
 * followed by a sync:
 *   before  nothing of that frame is written
 *   torn    its header and half of its page are written
 *   after   the sync has returned, and nobody was told
 * CAXTON_TEST_CLOCK=SECONDS sets the wall clock wrong by so much. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static const char LOG[] = ".journal.db-wal";
static enum { NEVER, BEFORE, TORN, AFTER } side;
static long at;
static long clock_error;
/* All of one journal's writes come from its one writing thread; there is one journal. */
static long commits;
static int committing;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    const char *where = getenv("CAXTON_TEST_KILL"), *wrong = getenv("CAXTON_TEST_CLOCK"), *colon = where ? strchr(where, ':') : NULL;
    if (colon != NULL) {
        side = *where == 'b' ? BEFORE : *where == 't' ? TORN : AFTER;
        at = atol(colon + 1);
    }
    if (wrong != NULL) clock_error = atol(wrong);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int is_log(int fd) {
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    ssize_t name = sizeof LOG - 1;
    return length >= name && memcmp(path + length - name, LOG, name) == 0;
}

/* What is to be written of it; all but for the page of a torn commit. */
static size_t writing(int fd, const unsigned char *bytes, size_t length) {
    if (length == 24 && is_log(fd)) {
        committing = (bytes[4] | bytes[5] | bytes[6] | bytes[7]) != 0;
        if (committing && side == BEFORE && commits + 1 == at) die();
    } else if (committing && side == TORN && commits + 1 == at && is_log(fd)) {
        return length / 2;
    }
    return length;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    size_t wanted = writing(fd, bytes, length);
    ssize_t written = real_write(fd, bytes, wanted);
    if (wanted < length) die();
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    size_t wanted = writing(fd, bytes, length);
    ssize_t written = real_pwrite(fd, bytes, wanted, offset);
    if (wanted < length) die();
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

static int synced(int fd, int result) {
    if (result == 0 && committing && is_log(fd)) {
        committing = 0;
        commits++;
        if (side == AFTER && commits == at) die();
    }
    return result;
}

int fsync(int fd) { return synced(fd, real_fsync(fd)); }
int fdatasync(int fd) { return synced(fd, real_fdatasync(fd)); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = real_clock_gettime(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += clock_error;
    return result;
}
