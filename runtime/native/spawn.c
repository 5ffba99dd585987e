// Starting a program: one clone that shares memory until execve, so that its cost does not grow with this process.
#include "native.h"
#include <sched.h>

enum { RANGE_CLOEXEC = 4 };  // CLOSE_RANGE_CLOEXEC in linux/close_range.h
enum { EXEC, PROCESS, STDIO, SESSION, GROUP, DIRECTORY, GROUPS, GID, UID };  // SPAWN_STEPS in lib/linux/spawn-failure.ts
static _Alignas(16) char child_stack[16384];

// close_range(2) can do this since Linux 5.11, and old seccomp profiles refuse it.
static void close_others_at_exec(int first) {
  if (syscall(SYS_close_range, first, ~0U, RANGE_CLOEXEC) == 0) return;
  DIR *dir = opendir("/proc/self/fd");
  for (int fd = first; !dir && fd < 65536; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (atoi(entry->d_name) >= first) fcntl(atoi(entry->d_name), F_SETFD, FD_CLOEXEC);
  }
  if (dir) closedir(dir);
}

static bool fails(Program *p, int step, long result) { return result < 0 && (p->step = step) != EXEC; }

// Ours to write to: the arrays of the parent's call.
static int become_stdio(int *from, int count) {
  // First everything that dup2 could overwrite moves out of its way.
  for (int fd = 0; fd < count; fd++) {
    if (from[fd] < 0) from[fd] = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (from[fd] >= 0 && from[fd] < count && from[fd] != fd) from[fd] = fcntl(from[fd], F_DUPFD_CLOEXEC, count);
    if (from[fd] < 0) return -1;
  }
  for (int fd = 0; fd < count; fd++) {
    if ((from[fd] == fd ? fcntl(fd, F_SETFD, 0) : dup2(from[fd], fd)) < 0) return -1;
  }
  return 0;
}

// The system calls themselves: the C library's functions take locks that belong to the parent.
static bool become_user(Program *p, const uint32_t *ids) {
  return !fails(p, GROUPS, syscall(SYS_setgroups, p->id_count - 2, ids + 2)) &&
         !fails(p, GID, syscall(SYS_setresgid, ids[1], ids[1], ids[1])) &&
         !fails(p, UID, syscall(SYS_setresuid, ids[0], ids[0], ids[0]));
}

static int become(Program *p) {
  // The caller's number of it may be one that stdio takes.
  if (fails(p, STDIO, p->error_fd = fcntl(p->error_fd, F_DUPFD_CLOEXEC, p->stdio_count))) return -1;
  if ((p->flags & SPAWN_SESSION) && fails(p, SESSION, setsid())) return -1;
  if ((p->flags & SPAWN_GROUP) && fails(p, GROUP, setpgid(0, 0))) return -1;
  if (fails(p, STDIO, become_stdio(p->stdio, p->stdio_count))) return -1;
  if ((p->flags & SPAWN_FOREGROUND) && tcsetpgrp(0, getpgrp()) < 0) tcsetpgrp(open("/dev/tty", O_RDWR), getpgrp());
  if (*p->cwd && fails(p, DIRECTORY, chdir(p->cwd))) return -1;
  if (p->ids && !become_user(p, p->ids)) return -1;
  setrlimit(RLIMIT_NOFILE, &origin.open_files);
  // execve resets handlers too, but one must not run before it; SIGPIPE is the only signal that we ignore.
  for (size_t i = 0; i < COUNT(crash_signals); i++) signal(crash_signals[i], SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  close_others_at_exec(p->stdio_count);
  return 0;
}

// AddressSanitizer does not learn that this frame ends with execve.
__attribute__((no_sanitize("address"))) static int child_main(void *argument) {
  Program *p = argument;
  const sigset_t none = {{0}};
  p->error = 0;
  if (become(p) == 0 && set_mask(p->flags & SPAWN_BLOCKED ? &every_signal : &none, NULL) == 0) execve(p->program, p->argv, p->environ);
  p->error = p->step << 12 | errno;
  _exit(write(p->error_fd, &p->error, sizeof p->error) < 0 ? 126 : 127);
}

pid_t spawn(Program *program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -(PROCESS << 12 | errno);
  program->error_fd = ends[1];
  // Crash signals too: one that comes now must find this process, never the child in our memory.
  sigset_t before;
  set_mask(&every_signal, &before);
  // The kernel notes the pid: a crash between here and a note of ours would leave a child that nobody knows.
  int flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD;
  pid_t pid = clone(child_main, child_stack + sizeof child_stack, flags, program, &answers->started);
  if (pid < 0) program->error = PROCESS << 12 | errno;
  set_mask(&before, NULL);
  close(ends[1]);
  // qemu-user makes a fork of the clone: then nothing is in our memory, and the pipe tells. It is no more than a fallback, because the
  // wait for its end can cost a whole time slice.
  if (program->error == UNTOLD && read(ends[0], &program->error, sizeof program->error) <= 0) program->error = 0;
  close(ends[0]);
  if (program->error) answers->started = 0;
  if (program->error && pid > 0) waitpid(pid, NULL, 0);
  return program->error ? -program->error : pid;
}
