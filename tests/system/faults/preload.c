/* Faults below Python, for a program that does not know of them. LD_PRELOAD brings this in.
 *
 * Only files under FAULTS_FOLDER are touched. Files in FAULTS_CONTROL switch faults on and off while it runs:
 *   sync    fdatasync and fsync of a file fail with EIO
 *   hang    fdatasync and fsync of a file do not return until it is switched off
 *   write   a write does half of what it is asked for, and the one after it fails with EIO
 *   rename  no file can be renamed: EIO
 *   clock   its content is added to the time of day, in seconds
 * There too, in `holds`, each holding of .presence.lock is noted: process, microseconds, those of CPU time, bytes that
 * were written meanwhile, and read.
 * A program may also call faults_crash, to die at a call of its choice, and faults_record, to have all calls noted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long countdown = 0;   /* die at the call that brings this to 0 */
static int is_halved = 0;    /* and if that is a write, after half of it; other calls are not counted */
static int record = -1;      /* where calls are noted */
static int is_broken = 0;    /* a write was done by half */

void faults_crash(long call, int halved) { countdown = call; is_halved = halved; }
void faults_record(int descriptor) { record = descriptor; }

static int is_under_folder(const char *path) {
    const char *folder = getenv("FAULTS_FOLDER");
    return folder && path[0] == '/' && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_ours(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_under_folder(path);
}

static int is_on(const char *fault) {
    char path[PATH_MAX];
    const char *control = getenv("FAULTS_CONTROL");
    if (!control) return 0;
    snprintf(path, sizeof path, "%s/%s", control, fault);
    return syscall(SYS_access, path, F_OK) == 0;
}

/* Called before each call that changes something. */
static void step(void) {
    if (countdown && !is_halved && --countdown == 0) kill(getpid(), SIGKILL);
}

static void note(const char *format, ...) {
    if (record < 0) return;
    char line[2 * PATH_MAX + 64];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    syscall(SYS_write, record, line, length);
}

static int open_noted(const char *path, int flags, mode_t mode) {
    if (!is_under_folder(path)) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    int is_new = (flags & O_CREAT) && syscall(SYS_access, path, F_OK) != 0;
    if (is_new || (flags & O_TRUNC)) step();
    int descriptor = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (descriptor >= 0) note("open %d %d %s\n", descriptor, is_new, path);
    if (descriptor >= 0 && (flags & O_TRUNC)) note("truncate %d 0\n", descriptor);
    return descriptor;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_noted(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_noted(path, flags | O_LARGEFILE, mode);
}

static __thread long written = 0, was_read = 0;   /* bytes, since the lock was had */
static __thread struct timespec since, since_cpu;

static long microseconds(clockid_t clock, const struct timespec *start) {
    struct timespec now;
    syscall(SYS_clock_gettime, clock, &now);
    return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

static int is_lock(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    char *name = strrchr(path, '/');
    return name && strcmp(name, "/.presence.lock") == 0;
}

static void note_hold(const char *control) {
    char path[PATH_MAX], line[128];
    snprintf(path, sizeof path, "%s/holds", control);
    int length = snprintf(line, sizeof line, "%d %ld %ld %ld %ld\n", getpid(), microseconds(CLOCK_MONOTONIC, &since),
                          microseconds(CLOCK_THREAD_CPUTIME_ID, &since_cpu), written, was_read);
    int descriptor = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    syscall(SYS_write, descriptor, line, length);
    syscall(SYS_close, descriptor);
}

int flock(int descriptor, int operation) {
    const char *control = getenv("FAULTS_CONTROL");
    int is_noted = control && is_ours(descriptor) && is_lock(descriptor);
    if (is_noted && operation & LOCK_UN) note_hold(control);
    int result = syscall(SYS_flock, descriptor, operation);
    if (is_noted && result == 0 && operation & LOCK_EX) {
        written = was_read = 0;
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &since);
        syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &since_cpu);
    }
    return result;
}

ssize_t read(int descriptor, void *data, size_t size) {
    ssize_t count = syscall(SYS_read, descriptor, data, size);
    if (count > 0) was_read += count;
    return count;
}

ssize_t pread64(int descriptor, void *data, size_t size, off64_t offset) {
    ssize_t count = syscall(SYS_pread64, descriptor, data, size, offset);
    if (count > 0) was_read += count;
    return count;
}

ssize_t pread(int descriptor, void *data, size_t size, off_t offset) {
    return pread64(descriptor, data, size, offset);
}

static ssize_t fail(void) { errno = EIO; return -1; }

ssize_t write(int descriptor, const void *data, size_t size) {
    if (!is_ours(descriptor)) return syscall(SYS_write, descriptor, data, size);
    step();
    if (is_on("write")) {
        is_broken = !is_broken;
        return is_broken ? syscall(SYS_write, descriptor, data, (size + 1) / 2) : fail();
    }
    is_broken = 0;
    if (countdown && is_halved && --countdown == 0) {
        syscall(SYS_write, descriptor, data, size / 2);
        kill(getpid(), SIGKILL);
    }
    ssize_t count = syscall(SYS_write, descriptor, data, size);
    if (count > 0) {
        written += count;
        note("write %d %zd\n", descriptor, count);
        if (record >= 0) syscall(SYS_write, record, data, count);
    }
    return count;
}

static int sync_noted(int call, int descriptor) {
    if (!is_ours(descriptor)) return syscall(call, descriptor);
    step();
    while (is_on("hang")) usleep(10000);
    if (is_on("sync")) return fail();
    note("sync %d\n", descriptor);
    return syscall(call, descriptor);
}

int fdatasync(int descriptor) { return sync_noted(SYS_fdatasync, descriptor); }
int fsync(int descriptor) { return sync_noted(SYS_fsync, descriptor); }

int ftruncate64(int descriptor, off64_t size) {
    if (is_ours(descriptor)) {
        step();
        note("truncate %d %ld\n", descriptor, (long) size);
    }
    return syscall(SYS_ftruncate, descriptor, size);
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int close(int descriptor) {
    if (record >= 0 && is_ours(descriptor)) note("close %d\n", descriptor);
    return syscall(SYS_close, descriptor);
}

int rename(const char *from, const char *to) {
    if (is_under_folder(from)) {
        step();
        if (is_on("rename")) return fail();
        note("rename %s %s\n", from, to);
    }
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path) {
    if (is_under_folder(path)) {
        step();
        note("unlink %s\n", path);
    }
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
    int is_new = is_under_folder(path) && syscall(SYS_access, path, F_OK) != 0;
    if (is_new) {
        step();
        note("mkdir %s\n", path);
    }
    return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static long clock_offset(void) {
    char path[PATH_MAX], text[32] = "";
    const char *control = getenv("FAULTS_CONTROL");
    if (!control) return 0;
    snprintf(path, sizeof path, "%s/clock", control);
    int descriptor = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
    if (descriptor < 0) return 0;
    syscall(SYS_read, descriptor, text, sizeof text - 1);
    syscall(SYS_close, descriptor);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += clock_offset();
    return result;
}
