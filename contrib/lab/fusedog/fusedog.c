/* A node's watchdog without a driver in the kernel: a FUSE file that takes open, write, close and the WDIOC ioctls as
 * /dev/watchdog does (Documentation/watchdog/watchdog-api.rst), and says on standard output what becomes of it.
 *
 * usage: fusedog FOLDER SECONDS     the device is FOLDER/watchdog; it stays in the foreground until SIGTERM
 *
 * Lines: "ready" (mounted), "armed SECONDS", "disarmed", "closed" (still armed), "timeout" (nobody fed it: the reader
 * cuts the power; from then on the device does nothing any more).
 */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse.h>
#include <linux/watchdog.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_US 20000
#define LONGEST_S 3600

enum state { IDLE, OPEN, CLOSED, OVER }; /* CLOSED: nobody has it open, and it is still armed */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum state state = IDLE;
static int timeout_s;
static int may_stop; /* the last thing written was the magic character */
static double fed_at;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void feed(void) { fed_at = now(); }

static void tell(const char *line) {
    printf("%s\n", line);
    fflush(stdout);
}

static void tell_armed(void) {
    printf("armed %d\n", timeout_s);
    fflush(stdout);
}

static void *watch(void *unused) {
    (void)unused;
    for (;; usleep(LOOK_US)) {
        pthread_mutex_lock(&lock);
        if ((state == OPEN || state == CLOSED) && now() - fed_at > timeout_s) {
            state = OVER;
            tell("timeout");
        }
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static int dog_getattr(const char *path, struct stat *found, struct fuse_file_info *file) {
    (void)file;
    memset(found, 0, sizeof *found);
    if (strcmp(path, "/") == 0) {
        found->st_mode = S_IFDIR | 0755;
        found->st_nlink = 2;
    } else if (strcmp(path, "/watchdog") == 0) {
        found->st_mode = S_IFREG | 0600;
        found->st_nlink = 1;
    } else {
        return -ENOENT;
    }
    return 0;
}

static int dog_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *file,
                       enum fuse_readdir_flags flags) {
    (void)path, (void)offset, (void)file, (void)flags;
    fill(buffer, "watchdog", NULL, 0, 0);
    return 0;
}

static int dog_open(const char *path, struct fuse_file_info *file) {
    int result = 0;
    (void)path;
    pthread_mutex_lock(&lock);
    if (state == OPEN) {
        result = -EBUSY;
    } else {
        file->direct_io = 1;
        file->nonseekable = 1;
        may_stop = 0;
        feed();
        if (state != OVER) {
            state = OPEN;
            tell_armed();
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int dog_write(const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)path, (void)offset, (void)file;
    pthread_mutex_lock(&lock);
    may_stop = memchr(data, 'V', size) != NULL;
    feed();
    pthread_mutex_unlock(&lock);
    return (int)size;
}

static int dog_truncate(const char *path, off_t size, struct fuse_file_info *file) {
    (void)path, (void)size, (void)file;
    return 0;
}

static int dog_release(const char *path, struct fuse_file_info *file) {
    (void)path, (void)file;
    pthread_mutex_lock(&lock);
    if (state == OPEN) {
        state = may_stop ? IDLE : CLOSED;
        tell(may_stop ? "disarmed" : "closed");
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static int set_timeout(int seconds) {
    if (seconds < 1 || seconds > LONGEST_S) return -EINVAL;
    timeout_s = seconds;
    feed();
    tell_armed();
    return 0;
}

static int answer(unsigned int command, void *data) {
    static const struct watchdog_info info = {
        .options = WDIOF_SETTIMEOUT | WDIOF_MAGICCLOSE | WDIOF_KEEPALIVEPING,
        .identity = "Standfast lab",
    };
    switch (command) {
    case WDIOC_GETSUPPORT: memcpy(data, &info, sizeof info); return 0;
    case WDIOC_GETSTATUS:
    case WDIOC_GETBOOTSTATUS: *(int *)data = 0; return 0;
    case WDIOC_KEEPALIVE: feed(); return 0;
    case WDIOC_SETTIMEOUT: return set_timeout(*(int *)data);
    case WDIOC_GETTIMEOUT: *(int *)data = timeout_s; return 0;
    case WDIOC_GETTIMELEFT: *(int *)data = timeout_s - (int)(now() - fed_at); return 0;
    default: return -ENOTTY;
    }
}

static int dog_ioctl(const char *path, unsigned int command, void *argument, struct fuse_file_info *file,
                     unsigned int flags, void *data) {
    int result;
    (void)path, (void)argument, (void)file, (void)flags;
    pthread_mutex_lock(&lock);
    result = answer(command, data);
    pthread_mutex_unlock(&lock);
    return result;
}

static void *dog_init(struct fuse_conn_info *connection, struct fuse_config *settings) {
    pthread_t thread;
    (void)connection, (void)settings;
    if (pthread_create(&thread, NULL, watch, NULL) != 0) exit(1);
    tell("ready");
    return NULL;
}

int main(int argc, char **argv) {
    static const struct fuse_operations operations = {
        .init = dog_init,
        .getattr = dog_getattr,
        .readdir = dog_readdir,
        .open = dog_open,
        .write = dog_write,
        .truncate = dog_truncate,
        .release = dog_release,
        .ioctl = dog_ioctl,
    };
    if (argc != 3 || (timeout_s = atoi(argv[2])) < 1) {
        fprintf(stderr, "usage: fusedog FOLDER SECONDS\n");
        return 2;
    }
    char *arguments[] = {argv[0], argv[1], "-f", "-s", "-o", "allow_other,fsname=watchdog,subtype=fusedog", NULL};
    return fuse_main(6, arguments, &operations, NULL);
}
