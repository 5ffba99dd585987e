// What keeps PID 1 alive when TypeScript cannot: start again in place, and when that does not help, only reap.
#include "native.h"
#include <poll.h>
#include <stdarg.h>
#include <sys/auxv.h>

enum { MAX_CRASHES = 5, KILL_AFTER_MS = 10000, GIVE_UP_AFTER_MS = 12000 };

const int crash_signals[5] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
volatile sig_atomic_t restart_asked;

static int self = -1, journal, crashes;  // self: this binary
static char **argv;
static char resume[64] = "SHIPSHAPE_RESUME=";  // an entry of environ

void say(const char *format, ...) {
  static char line[2048];
  va_list values;
  va_start(values, format);
  vsnprintf(line, sizeof line, format, values);
  va_end(values);
  // A reader of our stderr that hangs must not hang PID 1.
  struct pollfd fd = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&fd, 1, 0) != 1 || write(STDERR_FILENO, line, strlen(line)) < 0) return;
}

int last_resort_set_journal(int fd, bool healthy) {
  journal = fd;
  if (healthy) crashes = 0;
  return 0;
}

_Noreturn void last_resort_restart(bool counted) {
  if (!argv) _exit(INTERNAL_ERROR);  // no daemon
  snprintf(resume, sizeof resume, "SHIPSHAPE_RESUME=%d,%d,%d", journal, crashes + counted, getpid());
  set_mask(&every_signal, NULL);  // a second crash signal must not end the next incarnation before it has a handler
  // Else a limit that was raised since would look like the original one.
  setrlimit(RLIMIT_NOFILE, &origin.open_files);
  syscall(SYS_execveat, self, "", argv, environ, AT_EMPTY_PATH);
  execve("/proc/self/exe", argv, environ);  // for old kernels, seccomp profiles and qemu-user, which refuse execveat
  say("*** cannot start %s again: %s\n", origin.argv[0], strerror(errno));
  last_resort_reap();
}

static void on_crash(int number, siginfo_t *info, UNUSED void *context) {
  // A signal that somebody sent tells nothing about our health: the turn goes on to its end.
  bool sent = info->si_code <= 0 && info->si_pid != getpid();
  say("*** %s %s signal %d, starting again in place\n", origin.argv[0], sent ? "was sent" : "crashed by", number);
  if (!sent) last_resort_restart(true);
  restart_asked = true;
  kill(getpid(), SIGCHLD);  // is blocked, and ends the wait for events
}

void last_resort_arm(char **original_argv, int past_crashes) {
  argv = original_argv;
  const char *const paths[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN), argv[0]};
  for (size_t i = 0; i < COUNT(paths) && self < 0; i++) self = open(paths[i], O_PATH | O_CLOEXEC);
  journal = origin.resume_fd;
  crashes = past_crashes;
  putenv(resume);
  static char stack[16384];
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
  struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  action.sa_mask = every_signal;
  for (size_t i = 0; i < COUNT(crash_signals); i++) sigaction(crash_signals[i], &action, NULL);
  set_mask(&origin.blocked, NULL);  // musl's first sigaction unblocks 33 and 34
  if (crashes > MAX_CRASHES) last_resort_reap();
}

// Everybody when we are PID 1, else our children with their groups: kill(-1) would reach the whole machine.
static void signal_all(int number) {
  if (getpid() == 1) return (void)kill(-1, number);
  static char list[65536];
  snprintf(list, sizeof list, "/proc/self/task/%d/children", getpid());
  int fd = open(list, O_RDONLY | O_CLOEXEC);
  ssize_t size = read(fd, list, sizeof list - 1);
  close(fd);
  list[size > 0 ? size : 0] = 0;
  char *next = list;
  for (pid_t pid; (pid = (pid_t)strtol(next, &next, 10)) > 0;) kill(getpgid(pid) == pid ? -pid : pid, number);
}

_Noreturn void last_resort_reap(void) {
  say("*** %s cannot go on: from now on it only reaps processes; SIGTERM ends them all\n", origin.argv[0]);
  set_mask(&every_signal, NULL);
  for (double asked = 0;;) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    double waited = asked > 0 ? clock_ms(CLOCK_MONOTONIC) - asked : 0;
    if (pid < 0 || waited >= GIVE_UP_AFTER_MS) _exit(1);
    if (waited >= KILL_AFTER_MS) signal_all(SIGKILL);
    int number = sigtimedwait(&every_signal, NULL, &(struct timespec){.tv_sec = 1});
    if (number != SIGTERM && number != SIGINT) continue;
    if (asked <= 0) asked = clock_ms(CLOCK_MONOTONIC);
    signal_all(SIGTERM);
    signal_all(SIGCONT);
  }
}
