/* A file system that stops answering when it is told to: the files of FOLDER, shown at POINT. While the file STUCK is
 * there every request waits, as those of an NFS mount whose server is gone: whoever asks is in D state, and SIGKILL
 * does not end it. They go on when STUCK is removed.
 *
 * usage: stuckfs FOLDER POINT STUCK     it stays in the foreground until SIGTERM, then it unmounts
 *
 * Nothing is remembered by the kernel (no attributes, no names, no pages), so every look is a request.
 */
#define FUSE_USE_VERSION 35
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_US 20000

static int folder;
static const char *stuck;

/* Relative to the folder, after the time of being stuck. */
static const char *at(const char *path) {
    while (access(stuck, F_OK) == 0) usleep(LOOK_US);
    return path[1] == '\0' ? "." : path + 1;
}

static int done(long result) { return result < 0 ? -errno : (int)result; }

static int stuck_getattr(const char *path, struct stat *found, struct fuse_file_info *file) {
    (void)file;
    return done(fstatat(folder, at(path), found, AT_SYMLINK_NOFOLLOW));
}

static int stuck_statfs(const char *path, struct statvfs *found) {
    (void)at(path);
    return done(fstatvfs(folder, found));
}

static int stuck_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                         struct fuse_file_info *file, enum fuse_readdir_flags flags) {
    struct dirent *entry;
    int opened = openat(folder, at(path), O_RDONLY | O_DIRECTORY);
    DIR *names = opened < 0 ? NULL : fdopendir(opened);
    (void)offset, (void)file, (void)flags;
    if (names == NULL) return -errno;
    while ((entry = readdir(names)) != NULL) fill(buffer, entry->d_name, NULL, 0, 0);
    closedir(names);
    return 0;
}

static int opened(int descriptor, struct fuse_file_info *file) {
    file->fh = (uint64_t)descriptor;
    file->direct_io = 1;
    return descriptor < 0 ? -errno : 0;
}

static int stuck_open(const char *path, struct fuse_file_info *file) {
    return opened(openat(folder, at(path), file->flags & ~O_NOFOLLOW), file);
}

static int stuck_create(const char *path, mode_t mode, struct fuse_file_info *file) {
    return opened(openat(folder, at(path), file->flags | O_CREAT, mode), file);
}

static int stuck_read(const char *path, char *data, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)at(path);
    return done(pread((int)file->fh, data, size, offset));
}

static int stuck_write(const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)at(path);
    return done(pwrite((int)file->fh, data, size, offset));
}

static int stuck_fsync(const char *path, int data_only, struct fuse_file_info *file) {
    (void)at(path), (void)data_only;
    return done(fsync((int)file->fh));
}

static int stuck_unlink(const char *path) { return done(unlinkat(folder, at(path), 0)); }

static int stuck_truncate(const char *path, off_t size, struct fuse_file_info *file) {
    (void)at(path);
    return file != NULL ? done(ftruncate((int)file->fh, size)) : -EOPNOTSUPP;
}

static int stuck_release(const char *path, struct fuse_file_info *file) {
    (void)path;
    return done(close((int)file->fh));
}

static void *stuck_init(struct fuse_conn_info *connection, struct fuse_config *settings) {
    (void)connection;
    settings->entry_timeout = settings->attr_timeout = settings->negative_timeout = 0;
    settings->nullpath_ok = 0;
    return NULL;
}

int main(int argc, char **argv) {
    static const struct fuse_operations operations = {
        .init = stuck_init,
        .getattr = stuck_getattr,
        .statfs = stuck_statfs,
        .readdir = stuck_readdir,
        .open = stuck_open,
        .create = stuck_create,
        .read = stuck_read,
        .write = stuck_write,
        .fsync = stuck_fsync,
        .unlink = stuck_unlink,
        .truncate = stuck_truncate,
        .release = stuck_release,
    };
    if (argc != 4 || (folder = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0) {
        fprintf(stderr, "usage: stuckfs FOLDER POINT STUCK\n");
        return 2;
    }
    stuck = argv[3];
    char *arguments[] = {argv[0], argv[2], "-f", "-o", "allow_other,fsname=stuckfs,subtype=stuckfs", NULL};
    return fuse_main(5, arguments, &operations, NULL);
}
