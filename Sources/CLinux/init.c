/*
 * PID 1 of a sandbox: confines itself, starts programs on request, reaps, reports.
 *
 * It is the cloche executable run afresh under the name cloche-init, with an empty environment; the constructor below
 * never returns to the Swift runtime. When it has built the sandbox (child_stage.c) it has /dev/null as 0 to 2 and the
 * control socket as 3. Nothing of the supervisor's memory is here. The supervisor's messages are trusted (the socket
 * has two ends and no name); what the programs do is not. When the supervisor goes, so does init, and with it the whole
 * pid namespace.
 */
#ifndef _GNU_SOURCE
#error "init.c needs _GNU_SOURCE"
#endif
#include "child_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SPAWNED 1024
#define MAX_REAPED 256

/* Younger than the oldest headers that we build with. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#define PR_GET_MDWE 66
#endif
#define WAIT_KILLABLE (1UL << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */

/* RLIMIT_NOFILE of programs. */
static struct rlimit program_files;

/* Programs that were asked for, by id; what they start in turn is only reaped. */
static struct spawned {
    pid_t pid;
    uint32_t id;
} spawned[MAX_SPAWNED];

static union {
    struct clinux_message head;
    struct clinux_configure configure;
    struct clinux_spawn_request spawn;
    char bytes[CLINUX_MESSAGE_LIMIT];
} message;

/* No program is started before the filter is in place. */
static int confined;

static void send_message(uint32_t type, uint32_t id, int32_t value, int32_t error, int descriptor) {
    struct clinux_message m = {.type = type, .id = id, .value = value, .error = error};
    struct iovec io = {.iov_base = &m, .iov_len = sizeof m};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
    }
    ssize_t count;
    do count = sendmsg(CLINUX_INIT_SOCKET, &header, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    if (count < 0) _exit(125); /* no supervisor: the pid namespace ends with us */
}

int clinux_install_filter(const void *instructions, size_t count) {
    struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)instructions};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int clinux_install_listening_filter(const void *instructions, size_t count) {
    struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)instructions};
    /* A call that the supervisor has seen is not begun anew for a signal that does not kill; since Linux 5.19. */
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | WAIT_KILLABLE, &program);
    if (listener >= 0 || errno != EINVAL) return listener;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void limit(int resource, uint64_t value) {
    if (value == UINT64_MAX) return;
    struct rlimit now;
    if (getrlimit(resource, &now) < 0) _exit(125);
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max) value = now.rlim_max;
    struct rlimit then = {.rlim_cur = value, .rlim_max = value};
    if (setrlimit(resource, &then) < 0) _exit(125);
}

/* Init may have more open than programs, as Cloche may: so many may be on their way through sockets of one user. */
static void limit_files(const struct clinux_configure *c) {
    struct rlimit own;
    program_files = (struct rlimit){.rlim_cur = c->open_files, .rlim_max = c->most_open_files};
    if (getrlimit(RLIMIT_NOFILE, &own) < 0) _exit(125);
    limit(RLIMIT_NOFILE, own.rlim_max);
}

/* Whether nothing is open but /dev/null three times, the control socket and what `init` opened. */
static int has_only_its_own_descriptors(void) {
    struct stat status;
    DIR *listing = opendir("/proc/self/fd");
    if (listing == NULL) return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) count += entry->d_name[0] != '.';
    closedir(listing);
    for (int fd = 0; fd < 3; fd++)
        if (fstat(fd, &status) < 0 || status.st_rdev != makedev(1, 3)) return 0;
    if (fstat(CLINUX_INIT_SOCKET, &status) < 0 || !S_ISSOCK(status.st_mode)) return 0;
    return count == CLINUX_INIT_SOCKET + 3; /* and the signals and the listing itself */
}

static int allows_no_user_namespace(void) {
    char digit = 0;
    int file = open("/proc/sys/user/max_user_namespaces", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    if (read(file, &digit, 1) != 1) digit = 0;
    close(file);
    return digit == '0';
}

/* Read back from the kernel, for the supervisor to compare. */
static int facts(void) {
    struct rlimit core;
    int found = 0, file = open("/dev/random", O_WRONLY | O_CLOEXEC);
    if (file >= 0) close(file);
    else if (errno == EACCES) found |= CLINUX_FACT_FENCED;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0) found |= CLINUX_FACT_NOT_DUMPABLE;
    if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == CLINUX_SECUREBITS) found |= CLINUX_FACT_SECUREBITS;
    if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0) found |= CLINUX_FACT_NO_CORE;
    if (allows_no_user_namespace()) found |= CLINUX_FACT_NO_USER_NAMESPACES;
    if (has_only_its_own_descriptors()) found |= CLINUX_FACT_DESCRIPTORS;
    if (prctl(PR_GET_MDWE, 0, 0, 0, 0) > 0) found |= CLINUX_FACT_NO_WRITE_EXECUTE;
    return found;
}

/* The listener, or -1 if none is asked for. Of two filters that hand a call to a listener, the kernel asks the one that
 * was installed last: it is the one that has the listener. */
static int install_filters(const char *first, const char *second) {
    const struct clinux_configure *c = &message.configure;
    int step = CLINUX_SPAWN_MESSAGE, listener = -1;
    if (clinux_install_filter(second, c->filter_lengths[1]) < 0) goto failed;
    if (c->listens) {
        step = CLINUX_SPAWN_LISTENER;
        listener = clinux_install_listening_filter(first, c->filter_lengths[0]);
        if (listener < 0) goto failed;
    } else if (clinux_install_filter(first, c->filter_lengths[0]) < 0) {
        goto failed;
    }
    return listener;
failed:
    send_message(CLINUX_SPAWN_FAILED, 0, step, errno, -1);
    _exit(125);
}

static void configure(size_t length) {
    const struct clinux_configure *c = &message.configure;
    const char *instructions = message.bytes + sizeof *c;
    size_t counts[2] = {c->filter_lengths[0], c->filter_lengths[1]};
    if (length != sizeof *c + (counts[0] + counts[1]) * sizeof(struct sock_filter)) _exit(125);
    limit(RLIMIT_CORE, 0); /* core_pattern would run a helper in the host's namespaces */
    limit_files(c);
    limit(RLIMIT_NPROC, c->processes);
    limit(RLIMIT_FSIZE, c->file_bytes);
    limit(RLIMIT_SIGPENDING, c->signals);
    limit(RLIMIT_MSGQUEUE, c->queue_bytes);
    if (prctl(PR_SET_DUMPABLE, CLINUX_IS_LEFT_OUT(DUMPABLE), 0, 0, 0) < 0) _exit(125);
    if (c->no_write_execute && prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0) _exit(125);
    int found = facts(), listener = -1;
    if (!CLINUX_IS_LEFT_OUT(SECCOMP))
        listener = install_filters(instructions, instructions + counts[0] * sizeof(struct sock_filter));
    confined = 1;
    send_message(CLINUX_READY, 0, found, 0, listener);
    /* Whoever held it in here could answer its own calls. */
    if (listener >= 0) close(listener);
}

/* Cuts `count` strings off the text; false if they are not all there. */
static int take_strings(char **text, const char *end, char **out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        char *stop = memchr(*text, '\0', (size_t)(end - *text));
        if (stop == NULL) return 0;
        out[i] = *text;
        *text = stop + 1;
    }
    out[count] = NULL;
    return 1;
}

char **clinux_read_spawn(void *bytes, size_t length, char ***argv, char ***envp) {
    const struct clinux_spawn_request *r = bytes;
    if (length < sizeof *r || length - sizeof *r != r->text_length) return NULL;
    /* Each string has a null at least, so what is asked for is no more than what was sent. */
    size_t arguments = r->argument_count, variables = r->environment_count;
    if (arguments == 0 || arguments + variables >= r->text_length) return NULL;
    char **strings = calloc(arguments + variables + 4, sizeof *strings);
    if (strings == NULL) return NULL;
    char *text = (char *)bytes + sizeof *r, *end = (char *)bytes + length;
    *argv = strings + 2;
    *envp = *argv + arguments + 1;
    if (take_strings(&text, end, strings, 1) && take_strings(&text, end, *argv, r->argument_count) &&
        take_strings(&text, end, *envp, r->environment_count) && text == end)
        return strings;
    free(strings);
    return NULL;
}

/* A pty of the sandbox's own devpts: *master, and the slave as result. */
static int open_terminal(int *master, unsigned short columns, unsigned short rows) {
    int unlock = 0;
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    *master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master < 0) return -1;
    if (ioctl(*master, TIOCSPTLCK, &unlock) < 0 || ioctl(*master, TIOCSWINSZ, &size) < 0) return -1;
    return ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* What the last child that was started could not do. */
static volatile struct {
    int step, error;
} failure;

/* The child of vfork(2), in our memory until its exec: its own session, descriptors, directory, program. */
static _Noreturn void run(const int stdio[3], int terminal, char *directory, char **argv, char **envp) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    failure.step = CLINUX_SPAWN_TERMINAL;
    if (terminal && ioctl(stdio[0], TIOCSCTTY, 0) < 0) goto failed;
    for (int i = 0; i < 3; i++)
        if (dup2(stdio[i], i) < 0) goto failed;
    failure.step = CLINUX_SPAWN_DIRECTORY;
    if (chdir(directory) < 0) goto failed;
    failure.step = CLINUX_SPAWN_EXEC;
    if (setrlimit(RLIMIT_NOFILE, &program_files) < 0) goto failed;
    if (!CLINUX_IS_LEFT_OUT(DESCRIPTORS)) close_range(3, ~0U, 0); /* whatever init has open */
    environ = envp;
    execvpe(argv[0], argv, envp);
failed:
    failure.error = errno;
    _exit(125);
}

static void remember(uint32_t id, pid_t pid) {
    for (int i = 0; i < MAX_SPAWNED; i++)
        if (spawned[i].pid == 0) {
            spawned[i] = (struct spawned){.pid = pid, .id = id};
            return;
        }
}

static int free_places(void) {
    for (int i = 0; i < MAX_SPAWNED; i++)
        if (spawned[i].pid == 0) return 1;
    return 0;
}

/* Returns when the program runs or could not be executed: vfork(2) waits for that, and copies no page tables. */
static void start(uint32_t id, int stdio[3], int master, char *directory, char **argv, char **envp) {
    failure.error = 0;
    pid_t pid = vfork();
    if (pid == 0) run(stdio, master >= 0, directory, argv, envp);
    if (pid < 0) {
        send_message(CLINUX_SPAWN_FAILED, id, CLINUX_SPAWN_FORK, errno, -1);
    } else if (failure.error != 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
        send_message(CLINUX_SPAWN_FAILED, id, failure.step, failure.error, -1);
    } else {
        remember(id, pid);
        send_message(CLINUX_STARTED, id, pid, 0, master);
    }
}

static void spawn(size_t length, const int *received, size_t descriptors) {
    const struct clinux_spawn_request *r = &message.spawn;
    int master = -1, stdio[3] = {-1, -1, -1};
    char **argv, **envp, **directory = clinux_read_spawn(message.bytes, length, &argv, &envp);
    uint32_t id = r->head.id;
    int step = CLINUX_SPAWN_MESSAGE, error = EINVAL;

    if (directory == NULL || !free_places()) goto failed;
    step = CLINUX_SPAWN_TERMINAL;
    if (r->terminal) {
        int slave = open_terminal(&master, r->columns, r->rows);
        error = errno;
        if (slave < 0) goto failed;
        stdio[0] = stdio[1] = stdio[2] = slave;
    } else if (descriptors == 3) {
        memcpy(stdio, received, sizeof stdio);
    } else {
        goto failed;
    }
    start(id, stdio, master, *directory, argv, envp);
    goto done;
failed:
    send_message(CLINUX_SPAWN_FAILED, id, step, error, -1);
done:
    if (master >= 0) close(master);
    if (r->terminal && stdio[0] >= 0) close(stdio[0]);
    free(directory);
}

/* To the program's whole session's leader group: the supervisor names ids, never pids. */
static void deliver(uint32_t id, int number) {
    for (int i = 0; i < MAX_SPAWNED; i++)
        if (spawned[i].pid != 0 && spawned[i].id == id) kill(-spawned[i].pid, number);
}

/* Takes a bounded number, so that a storm of ends does not keep the supervisor waiting; whether there may be more. */
static int reap(void) {
    for (int taken = 0; taken < MAX_REAPED; taken++) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR) continue;
        if (pid <= 0) return 0;
        for (int i = 0; i < MAX_SPAWNED; i++)
            if (spawned[i].pid == pid) {
                spawned[i].pid = 0;
                send_message(CLINUX_EXITED, spawned[i].id, status, 0, -1);
                break;
            }
    }
    return 1;
}

/* The last process id is told to processes of the namespace only. */
static void tell_count(void) {
    char text[128] = "";
    int last = -1, file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (file >= 0 && read(file, text, sizeof text - 1) > 0) {
        const char *space = strrchr(text, ' ');
        if (space != NULL) last = atoi(space + 1);
    }
    if (file >= 0) close(file);
    send_message(CLINUX_COUNTED, 0, last, 0, -1);
}

/* For the supervisor, which has no socket in the sandbox's network else. */
static void make_socket(uint32_t id, int family) {
    int sock = socket(family == AF_INET6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    send_message(CLINUX_SOCKET, id, 0, sock < 0 ? errno : 0, sock);
    if (sock >= 0) close(sock);
}

static void receive(void) {
    int descriptors[4]; /* CMSG_SPACE rounds up: the kernel would find room for a fourth */
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof descriptors)];
    } control;
    struct iovec io = {.iov_base = message.bytes, .iov_len = sizeof message.bytes};
    struct msghdr header = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t length = recvmsg(CLINUX_INIT_SOCKET, &header, MSG_CMSG_CLOEXEC);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (length < (ssize_t)sizeof message.head || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) _exit(125);
    size_t count = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(descriptors, CMSG_DATA(c), count * sizeof(int));
    }
    switch ((enum clinux_message_type)message.head.type) {
    case CLINUX_CONFIGURE: configure((size_t)length); break;
    case CLINUX_SPAWN:
        if (!confined) _exit(125);
        spawn((size_t)length, descriptors, count);
        break;
    case CLINUX_SIGNAL: deliver(message.head.id, message.head.value); break;
    case CLINUX_COUNT: tell_count(); break;
    case CLINUX_SOCKET: make_socket(message.head.id, message.head.value); break;
    default: _exit(125);
    }
    for (size_t i = 0; i < count; i++) close(descriptors[i]);
}

static _Noreturn void init(void) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, it would leave nothing to wait for */
    int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || fcntl(CLINUX_INIT_SOCKET, F_SETFD, FD_CLOEXEC) < 0) _exit(125);
    send_message(CLINUX_BUILT, 0, 0, 0, -1);
    struct pollfd polls[2] = {{.fd = CLINUX_INIT_SOCKET, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (int more = 0;;) {
        if (poll(polls, 2, more ? 0 : -1) < 0 && errno != EINTR) _exit(125);
        if (polls[1].revents || more) {
            struct signalfd_siginfo information;
            (void)!read(signals, &information, sizeof information); /* another one is for the next turn */
            more = reap();
        }
        if (polls[0].revents & POLLIN) receive();
        else if (polls[0].revents) _exit(0); /* the supervisor closed its end */
    }
}

/* After libcap's own (300), before the Swift runtime's. A set-id copy of this program would give whoever starts it the
 * owner's rights over a plan of their own: it does nothing at all. */
__attribute__((constructor(400))) static void become_init(int argc, char **argv, char **envp) {
    static const char refusal[] =
        "cloche: this copy is set-id or has file capabilities, and Cloche runs with neither\n"
        "  take them away: chmod ug-s FILE, setcap -r FILE\n";
    (void)envp;
    if (getauxval(AT_SECURE)) {
        (void)!write(STDERR_FILENO, refusal, sizeof refusal - 1);
        _exit(125);
    }
    if (argc != 1 || strcmp(argv[0], CLINUX_INIT_NAME) != 0) return;
    prctl(PR_SET_NAME, CLINUX_INIT_NAME, 0, 0, 0);
    clinux_build();
    init();
}
