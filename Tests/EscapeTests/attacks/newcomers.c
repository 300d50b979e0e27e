/*
 * Lies in wait for every process that appears in the sandbox, while `cloche exec` is run outside: the moment before
 * its exec, in which it is still Cloche's, is the one that CVE-2016-9962 was about. Until a file `stop` exists:
 * ptrace(2), /proc/N/mem, /proc/N/fd, /proc/N/environ, process_vm_readv(2), pidfd_getfd(2) of init and of each process
 * that still bears init's name. One line per success: `got WHAT of PID`, and last `looked N times, at M newcomers`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_cloche(int pid) {
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, name, sizeof name - 1);
    close(file);
    return count > 0 && strncmp(name, "cloche-init", 11) == 0;
}

static int readable(int pid, const char *name) {
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    int result = strcmp(name, "mem") == 0 || read(file, &byte, 1) >= 0;
    close(file);
    return result;
}

static int lists_descriptors(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *directory = opendir(path);
    if (directory == NULL) return 0;
    int result = readdir(directory) != NULL;
    closedir(directory);
    return result;
}

static int takes_descriptor(int pid) {
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0) return 0;
    int taken = (int)syscall(SYS_pidfd_getfd, process, 3, 0);
    close(process);
    if (taken >= 0) close(taken);
    return taken >= 0;
}

static int reads_memory(int pid) {
    char byte;
    struct iovec ours = {&byte, 1}, theirs = {(void *)0x400000, 1};
    /* EFAULT is an answer about the address, given to one who may look. */
    return process_vm_readv(pid, &ours, 1, &theirs, 1, 0) >= 0 || errno == EFAULT;
}

static int traces(int pid) {
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0) return 0;
    ptrace(PTRACE_DETACH, pid, 0, 0);
    return 1;
}

static void report(int pid, int got, const char *what) {
    if (!got || !is_cloche(pid)) return; /* it became the agent's own meanwhile */
    printf("got %s of %s\n", what, pid == 1 ? "init" : "a newcomer");
    fflush(stdout);
}

static int exists(const char *path) { return access(path, F_OK) == 0; }

int main(void) {
    long looked = 0, newcomers = 0;
    printf("ready\n");
    fflush(stdout);
    while (!exists("stop")) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        while (proc != NULL && (entry = readdir(proc)) != NULL) {
            int pid = atoi(entry->d_name);
            if (pid <= 0 || pid == getpid() || !is_cloche(pid)) continue;
            looked++;
            newcomers += pid != 1;
            report(pid, readable(pid, "mem"), "mem");
            report(pid, readable(pid, "environ"), "environ");
            report(pid, lists_descriptors(pid), "fd");
            report(pid, takes_descriptor(pid), "pidfd_getfd");
            report(pid, reads_memory(pid), "process_vm_readv");
            report(pid, traces(pid), "ptrace");
        }
        if (proc != NULL) closedir(proc);
    }
    printf("looked %ld times, at %ld newcomers\n", looked, newcomers);
    return 0;
}
