// Starting a program: one clone that shares memory until execve, so the cost does not grow with this process.
#define _GNU_SOURCE
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

// The child runs on its own stack in our memory; 16 kB holds the directory entries of the close_range fallback.
static _Alignas(16) char child_stack[16384];

typedef struct {
  const Program *program;
  int error_fd;  // reaches the parent with an errno, or closes at execve
} Child;

// close_range(2) with CLOEXEC is of Linux 5.11, and old seccomp profiles refuse it.
static int close_others_at_exec(void) {
  if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
  int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) {
    for (rlim_t fd = 3; fd < origin.open_files.rlim_max && fd < 1 << 20; fd++) fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    return 0;
  }
  struct entry {
    uint64_t ino, off;
    unsigned short length;
    unsigned char type;
    char name[];
  };
  _Alignas(8) char entries[4096];
  long size;
  while ((size = syscall(SYS_getdents64, dir, entries, sizeof entries)) > 0) {
    for (long at = 0; at < size;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      int fd = 0;
      for (const char *c = entry->name; *c >= '0' && *c <= '9'; c++) fd = fd * 10 + (*c - '0');
      if (fd > 2) fcntl(fd, F_SETFD, FD_CLOEXEC);
      at += entry->length;
    }
  }
  return size < 0 ? -1 : 0;
}

static int become_stdio(const int stdio[3]) {
  int from[3];
  // First everything that dup2 could overwrite moves out of the way.
  for (int fd = 0; fd < 3; fd++) {
    from[fd] = stdio[fd] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : stdio[fd];
    if (from[fd] >= 0 && from[fd] < 3 && from[fd] != fd) from[fd] = fcntl(from[fd], F_DUPFD_CLOEXEC, 3);
    if (from[fd] < 0) return -1;
  }
  for (int fd = 0; fd < 3; fd++) {
    if ((from[fd] == fd ? fcntl(fd, F_SETFD, 0) : dup2(from[fd], fd)) < 0) return -1;
  }
  return 0;
}

static void become_foreground(void) {
  if (tcsetpgrp(0, getpgrp()) == 0) return;
  int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (tty >= 0) tcsetpgrp(tty, getpgrp());
}

// The system calls themselves: the C library's wrappers take locks that belong to the parent.
static int become_user(const uint32_t *ids, size_t count) {
  if (syscall(SYS_setgroups, count - 2, ids + 2) < 0) return -1;
  if (syscall(SYS_setresgid, ids[1], ids[1], ids[1]) < 0) return -1;
  return (int)syscall(SYS_setresuid, ids[0], ids[0], ids[0]);
}

static void default_signals(void) {
  // execve itself resets handlers, but one must not run between here and there. SIGPIPE is the only one we ignore.
  for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals; i++) signal(crash_signals[i], SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
}

__attribute__((no_sanitize("address"))) static int child_main(void *argument) {
  const Child *child = argument;
  const Program *p = child->program;
  sigset_t none;
  sigemptyset(&none);
  if ((p->flags & SPAWN_SESSION) && setsid() < 0) goto failed;
  if ((p->flags & SPAWN_GROUP) && setpgid(0, 0) < 0) goto failed;
  if (become_stdio(p->stdio) < 0) goto failed;
  if (p->flags & SPAWN_FOREGROUND) become_foreground();
  if (*p->cwd && chdir(p->cwd) < 0) goto failed;
  if (p->ids && become_user(p->ids, p->id_count) < 0) goto failed;
  if (setrlimit(RLIMIT_NOFILE, &origin.open_files) < 0) goto failed;
  default_signals();
  if (close_others_at_exec() < 0) goto failed;
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(p->program, p->argv, p->environ);
failed:;
  int error = errno;
  if (write(child->error_fd, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

pid_t spawn(const Program *program) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) < 0) return -errno;
  Child child = {program, pipe_fds[1]};

  // Crash signals too: one that comes now must find this process, never the child in our memory.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = clone(child_main, child_stack + sizeof child_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  int error = pid < 0 ? errno : 0;
  sigprocmask(SIG_SETMASK, &before, NULL);

  // A pipe and not shared memory: qemu-user and some sandboxes turn the clone into a fork.
  close(pipe_fds[1]);
  if (pid > 0 && read(pipe_fds[0], &error, sizeof error) > 0) waitpid(pid, NULL, 0);
  close(pipe_fds[0]);
  return error ? -error : pid;
}
