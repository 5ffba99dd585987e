// What keeps PID 1 alive when TypeScript cannot: start again in place, and if that does not help, only reap.
#define _GNU_SOURCE
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CRASHES = 5, KILL_AFTER_S = 10, GIVE_UP_AFTER_S = 12, INTERNAL_ERROR = 111 };

const int crash_signals[5] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};

static bool is_daemon;
static int self = -1;     // this binary
static int journal = -1;  // state for the next incarnation
static int crashes;       // counted ones in a row
static char **argv;
static char **next_environ;  // [0] is the resume variable
// Both ready before a crash: the handler formats nothing.
static char resume_counted[48], resume_uncounted[48];

void say(const char *word, ...) {
  struct iovec words[8];
  int count = 0;
  va_list rest;
  va_start(rest, word);
  for (; word && count < 8; word = va_arg(rest, const char *)) {
    words[count++] = (struct iovec){(void *)(uintptr_t)word, strlen(word)};
  }
  va_end(rest);
  // A reader of our stderr that hangs must not hang PID 1.
  struct pollfd fd = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&fd, 1, 0) == 1 && writev(STDERR_FILENO, words, count) < 0) return;
}

static void prepare_resume(void) {
  snprintf(resume_counted, sizeof resume_counted, "SHIPSHAPE_RESUME=%d,%d", journal, crashes + 1);
  snprintf(resume_uncounted, sizeof resume_uncounted, "SHIPSHAPE_RESUME=%d,%d", journal, crashes);
}

void last_resort_set_journal(int fd, bool healthy) {
  journal = fd;
  if (healthy) crashes = 0;
  prepare_resume();
}

_Noreturn void last_resort_restart(bool counted) {
  if (!is_daemon) _exit(INTERNAL_ERROR);
  next_environ[0] = counted ? resume_counted : resume_uncounted;
  // Else the raised limit would look like the original one.
  setrlimit(RLIMIT_NOFILE, &origin.open_files);
  syscall(SYS_execveat, self, "", argv, next_environ, AT_EMPTY_PATH);
  say("*** Cannot start ", argv[0], " again: ", strerror(errno), "\n", NULL);
  last_resort_reap();
}

static void on_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  // kill(1, SIGSEGV) by somebody else says nothing about our health.
  bool sent = info->si_code <= 0 && info->si_pid != getpid();
  char digits[] = {(char)('0' + number / 10), (char)('0' + number % 10), 0};
  say("*** ", argv[0], sent ? ": got crash signal " : ": crashed by signal ", digits, ", starting again in place\n", NULL);
  last_resort_restart(!sent);
}

static int open_self(void) {
  const char *const paths[] = {"/proc/self/exe", (const char *)(uintptr_t)getauxval(AT_EXECFN), argv[0]};
  for (size_t i = 0; i < 3; i++) {
    int fd = paths[i] ? open(paths[i], O_PATH | O_CLOEXEC) : -1;
    if (fd >= 0) return fd;
  }
  return -1;
}

void last_resort_arm(bool daemon, char **original_argv, const char *resume) {
  argv = original_argv;
  if (!daemon) return;
  is_daemon = true;
  const char *comma = resume ? strchr(resume, ',') : NULL;
  int fd = comma ? atoi(resume) : -1;
  crashes = comma ? atoi(comma + 1) : 0;
  journal = fd > 2 && fcntl(fd, F_GETFD) >= 0 ? fd : -1;
  origin.resume_fd = journal;
  prepare_resume();

  size_t count = 0;
  while (origin.environ[count]) count++;
  next_environ = calloc(count + 2, sizeof *next_environ);
  if (next_environ) memcpy(next_environ + 1, origin.environ, count * sizeof *next_environ);
  self = next_environ ? open_self() : -1;

  static char stack[16384];
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
  struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals; i++) sigaction(crash_signals[i], &action, NULL);
  if (crashes > MAX_CRASHES) last_resort_reap();
}

// Everyone when we are PID 1, else only our children: kill(-1) would reach the whole machine.
static void signal_everyone(int number) {
  if (getpid() == 1) {
    kill(-1, number);
    return;
  }
  static char children[65536];
  snprintf(children, sizeof children, "/proc/self/task/%d/children", getpid());
  int fd = open(children, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, children, sizeof children - 1);
  close(fd);
  children[size > 0 ? size : 0] = 0;
  for (char *next = children, *end; ; next = end) {
    pid_t pid = (pid_t)strtol(next, &end, 10);
    if (end == next) return;
    kill(getpgid(pid) == pid ? -pid : pid, number);
  }
}

static long seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

_Noreturn void last_resort_reap(void) {
  say("*** ", argv[0], " cannot go on; it only reaps processes from now on. SIGTERM stops the container.\n", NULL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  for (long asked = 0;;) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    if (pid < 0 || (asked && seconds() - asked >= GIVE_UP_AFTER_S)) _exit(1);
    if (asked && seconds() - asked >= KILL_AFTER_S) signal_everyone(SIGKILL);
    int number = sigtimedwait(&all, NULL, &(struct timespec){.tv_sec = 1});
    if ((number == SIGTERM || number == SIGINT) && !asked) {
      asked = seconds();
      signal_everyone(SIGTERM);
      signal_everyone(SIGCONT);
    }
  }
}
