/*
 * The stage from clone3(2) to a confined init: a plan in flat form, and its execution.
 *
 * Swift decides; C carries out. The child of clone3 executes the cloche program afresh, under the name
 * CLINUX_INIT_NAME, and keeps its capabilities over that; a constructor takes over there, before the Swift runtime
 * starts, carries the plan out (child_stage.c) and goes on as PID 1 of the sandbox (init.c). So nothing of the memory,
 * environment and arguments of the process that asked for it is in init, and the plan may come after the clone, in
 * memory that both share: the kernel makes namespaces and starts init while Swift still reads profiles.
 *
 * A failure is reported as one record {stage, index, errno} on the control socket; Swift maps the index back to the
 * operation of the plan.
 */
#ifndef CLINUX_CHILD_STAGE_H
#define CLINUX_CHILD_STAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CLINUX_INIT_NAME "cloche-init"
#define CLINUX_INIT_SOCKET 3
#define CLINUX_INIT_PLAN 4
#define CLINUX_MESSAGE_LIMIT 163840
#define CLINUX_MAX_SOURCES 256

/* The size of the memory that holds a plan. It starts with struct clinux_program; texts and tables are named by their
 * distance from its start, 0 for none. */
#define CLINUX_PLAN_SIZE (4 << 20)

/* One thing of the host that is to be mounted. All sources are opened, as detached mounts, before the first mount is
 * made, so that no mount of ours can hide or change what a path means. */
struct clinux_source {
    uint32_t path;          /* absolute, without symbolic links; unused if fd >= 0 */
    int32_t fd;             /* a detached mount that the parent made before the clone (idmapped, by root), or -1 */
    uint32_t recursive;     /* with the mounts below it */
    uint64_t device, inode; /* what Swift saw at that path; another file there now is an error */
    uint64_t attributes;    /* MOUNT_ATTR_* to set */
};

enum clinux_operation_kind {
    CLINUX_OP_FILESYSTEM = 1, /* fsopen(text) with options, attached at target */
    CLINUX_OP_BIND,           /* source attached at target */
    CLINUX_OP_READ_ONLY,      /* target bound over itself, read-only */
    CLINUX_OP_SEAL,           /* the mount at target gets `attributes`, not recursively */
    CLINUX_OP_DIRECTORY,      /* mkdir; one that is there already is fine */
    CLINUX_OP_FILE,           /* a file with text as content */
    CLINUX_OP_MOUNT_POINT,    /* an empty file, if none is there */
    CLINUX_OP_SYMLINK,        /* target -> text */
    CLINUX_OP_HOSTNAME,       /* sethostname(text) */
    CLINUX_OP_NETLINK,        /* messages in text, `attributes` bytes, to NETLINK_* mode; `options` answers come */
    CLINUX_OP_SOCKETS,        /* sockets of type mode for the supervisor, at `attributes` uint16_t ports in text */
    CLINUX_OP_SOCKET_TABLE,   /* a netlink(7) socket for the supervisor that asks about sockets: sock_diag(7) */
    CLINUX_OP_SETTING,        /* text is written into a file of the kernel's */
    CLINUX_OP_PIN,            /* target bound over itself as it is, a symbolic link too */
    CLINUX_OP_PART,           /* the directory text, of what is mounted already, attached at target */
};

struct clinux_operation {
    uint32_t kind;
    uint32_t mode;       /* of directories and files */
    int32_t source;      /* index of a source, or -1 */
    uint32_t optional;   /* a missing target is fine */
    uint64_t attributes; /* MOUNT_ATTR_* */
    uint32_t target;     /* below the new root, without a leading slash */
    uint32_t text;       /* kind of file system, content, link target, host name */
    uint32_t options;    /* "key=value" or "key", each ended by a null, an empty one ends the list */
    uint32_t part;       /* CLINUX_PART_* that the sandbox is to do without if this fails */
    uint32_t without;    /* done only if that part is missing */
};

/* What a kernel may lack of the network. */
enum clinux_part {
    CLINUX_PART_PACKET_FILTER = 1,
    CLINUX_PART_IPV6 = 2, /* sockets are then of AF_INET, else of AF_INET6 for both */
    CLINUX_PART_SOCKET_TABLE = 4,
};

/* What Landlock lets a program do with the file at target, or with all that is below the directory. */
struct clinux_fence {
    uint32_t target; /* as in clinux_operation */
    uint64_t access; /* LANDLOCK_ACCESS_FS_* */
};

/* Where a failure happened. */
enum clinux_stage {
    CLINUX_STAGE_PARENT_DEATH = 1,
    CLINUX_STAGE_NETWORK,
    CLINUX_STAGE_TIME,
    CLINUX_STAGE_CGROUP,
    CLINUX_STAGE_INIT,
    CLINUX_STAGE_HANDSHAKE,
    CLINUX_STAGE_IDENTITY,
    CLINUX_STAGE_PROPAGATION,
    CLINUX_STAGE_SOURCE,
    CLINUX_STAGE_ROOT,
    CLINUX_STAGE_OPERATION,
    CLINUX_STAGE_PIVOT,
    CLINUX_STAGE_FENCE,
    CLINUX_STAGE_CAPABILITIES,
    CLINUX_STAGE_DESCRIPTORS,
    CLINUX_STAGE_SOCKETS,
};

struct clinux_program {
    uint32_t user, group;  /* inside the new user namespace */
    uint32_t clear_groups; /* started by root: supplementary groups are dropped */
    uint32_t source_count, operation_count;
    uint32_t sources, operations; /* tables of clinux_source and clinux_operation */
    uint32_t root_options;        /* of the root tmpfs, as in clinux_operation */
    uint32_t fence_count, fences; /* table of clinux_fence */
    uint64_t fence_access, fence_scopes; /* what Landlock decides about; no access, no Landlock */
    uint32_t time_namespace;      /* with clocks that start with the sandbox */
#ifdef CLOCHE_WEAKENED
    uint32_t left_out; /* CLINUX_WITHOUT_* */
#endif
};

#ifdef CLOCHE_WEAKENED
/* Protections that a build for tests leaves out, so that it can be seen which test misses them. */
enum clinux_without {
    CLINUX_WITHOUT_CAPABILITIES = 1,
    CLINUX_WITHOUT_MOUNTS = 2, /* the host's root stays, at /host */
    CLINUX_WITHOUT_DUMPABLE = 4,
    CLINUX_WITHOUT_DESCRIPTORS = 8,
    CLINUX_WITHOUT_SECCOMP = 16,
};
extern uint32_t clinux_left_out;
#define CLINUX_IS_LEFT_OUT(layer) ((clinux_left_out & CLINUX_WITHOUT_##layer) != 0)
#else
#define CLINUX_IS_LEFT_OUT(layer) 0
#endif

struct clinux_child {
    struct clinux_program *_Nullable program; /* what it carries out: CLINUX_PLAN_SIZE bytes that it shares with us */
    int plan;                                 /* their memfd */
    int control;                              /* our end of the control socket */
    int far;                                  /* the child's end, until it is cloned */
    pid_t pid;                                /* 0 until then */
    int pidfd;
    int cgroup;                               /* the cgroup v2 directory to be born in, or -1 */
};

/* The plan's memory and the control socket of a child that is to be: 0, or -1. */
int clinux_prepare(struct clinux_child *_Nonnull child);
/* clone3(2)s it into new namespaces (CLONE_NEW*): 0, or -1. It unshares `later` itself, executes `executable`
 * (absolute, without symbolic links) or, if >= 0, the detached mount `mount`, and waits there for CLINUX_GO. Whoever
 * passes `later` writes the program after the clone; otherwise it is there. */
int clinux_clone(struct clinux_child *_Nonnull child, uint64_t namespaces, uint64_t later,
                 const char *_Nonnull executable, int mount);
/* The stage from CLINUX_GO on, in the process that clinux_clone executed; returns when only init's work is left. */
void clinux_build(void);

/* A user namespace for idmapped mounts, in which the files of user and group appear as host_user's and host_group's:
 * its descriptor, or -1. */
int clinux_user_namespace(uint32_t user, uint32_t group, uint32_t host_user, uint32_t host_group);
/* A detached, idmapped copy of the mount at place (opened with O_PATH) with attributes set: its descriptor, or -1. */
int clinux_idmapped_mount(int place, int user_namespace, uint64_t attributes, int recursive);

/* --- The control socket (SOCK_SEQPACKET) --- every message starts with this. */
enum clinux_message_type {
    CLINUX_GO = 1,    /* supervisor -> child stage: the id maps are written */
    CLINUX_CONFIGURE, /* supervisor -> init: struct clinux_configure, then the filter's instructions */
    CLINUX_SPAWN,     /* supervisor -> init: struct clinux_spawn, then strings; 3 descriptors unless terminal */
    CLINUX_SIGNAL,    /* supervisor -> init: id, value = signal */
    CLINUX_COUNT,     /* supervisor -> init: how many processes were started? */
    CLINUX_SOCKET,    /* supervisor -> init: id, value = AF_INET or AF_INET6; answered by the same type */
    CLINUX_STAGE_FAILED, /* child stage -> supervisor: id = stage, value = index, error */
    CLINUX_NETWORK,   /* child stage -> supervisor: the plan's sockets, in order; value = CLINUX_PART_* not there */
    CLINUX_BUILT,     /* init -> supervisor: all mounts are made, no capability is left */
    CLINUX_READY,     /* init -> supervisor: confined; value = CLINUX_FACT_*; 1 descriptor if it was asked to listen */
    CLINUX_STARTED,   /* init -> supervisor: id, value = pid inside; 1 descriptor (pty master) if terminal */
    CLINUX_SPAWN_FAILED, /* init -> supervisor: id, value = enum clinux_spawn_step, error */
    CLINUX_EXITED,    /* init -> supervisor: id, value = wait status */
    CLINUX_COUNTED,   /* init -> supervisor: value = the last process id of the namespace, or -1 */
};

struct clinux_message {
    uint32_t type;
    uint32_t id;
    int32_t value;
    int32_t error;
};

/* SECBIT_* of securebits.h, as capabilities(7) has them: no set-id gain, no kept or ambient capability, all locked. */
#define CLINUX_SECUREBITS 0xef

/* What init finds when it is confined, and nobody outside can see. */
enum clinux_fact {
    CLINUX_FACT_FENCED = 1,       /* Landlock refuses what nothing else does: writing to /dev/random */
    CLINUX_FACT_NOT_DUMPABLE = 2, /* its memory and descriptors belong to nobody else */
    CLINUX_FACT_SECUREBITS = 4,   /* all set and locked */
    CLINUX_FACT_NO_CORE = 8,      /* RLIMIT_CORE is 0, hard */
    CLINUX_FACT_NO_WRITE_EXECUTE = 16, /* PR_SET_MDWE */
    CLINUX_FACT_DESCRIPTORS = 32, /* /proc shows it no descriptor but its own */
    CLINUX_FACT_NO_USER_NAMESPACES = 64, /* user.max_user_namespaces is 0 */
};

struct clinux_configure {
    struct clinux_message head;
    uint32_t no_write_execute;                  /* PR_SET_MDWE */
    uint32_t listens;                           /* the first program hands calls to a listener */
    uint64_t open_files, most_open_files;       /* RLIMIT_NOFILE of programs, soft and hard */
    uint64_t processes, file_bytes, signals, queue_bytes; /* UINT64_MAX leaves the limit alone */
    uint32_t filter_lengths[2];                 /* instructions of 8 bytes that follow: two programs */
};

struct clinux_spawn_request {
    struct clinux_message head;
    uint32_t terminal; /* on a new pty */
    uint16_t columns, rows;
    uint32_t argument_count, environment_count;
    uint32_t text_length; /* bytes that follow: directory, arguments, environment, each ended by a null */
};

enum clinux_spawn_step {
    CLINUX_SPAWN_MESSAGE = 1,
    CLINUX_SPAWN_LISTENER,
    CLINUX_SPAWN_TERMINAL,
    CLINUX_SPAWN_FORK,
    CLINUX_SPAWN_DIRECTORY,
    CLINUX_SPAWN_EXEC,
};

/* Takes a CLINUX_SPAWN message apart: an array to free(3) whose first string is the directory, with both lists in it,
 * each ended by NULL; the strings stay in the message. NULL if it is none. For init and tests. */
char *_Nullable *_Nullable clinux_read_spawn(void *_Nonnull bytes, size_t length,
                                             char *_Nullable *_Nullable *_Nonnull argv,
                                             char *_Nullable *_Nullable *_Nonnull envp);

/* seccomp(2) with SECCOMP_SET_MODE_FILTER; instructions are struct sock_filter. For init and tests. */
int clinux_install_filter(const void *_Nonnull instructions, size_t count);
/* The same, with SECCOMP_FILTER_FLAG_NEW_LISTENER: the listener, or -1. */
int clinux_install_listening_filter(const void *_Nonnull instructions, size_t count);

#endif
