/*
 * CLinux: what Swift's Glibc module leaves out of Linux.
 *
 * Three forms, cheapest first: a header that only needs to be included; a `static inline` for a macro;
 * a body in syscalls.c for variadic and GNU-only functions (the importer reads this header without
 * _GNU_SOURCE, so those cannot be inline). Everything of ours is prefixed clinux_.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "child_stage.h"
#include "notices.h"
#include "shims.h"
#include "sockets.h"
#include "threads.h"

#endif
