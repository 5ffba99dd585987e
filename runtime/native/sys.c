// The global `sys`: one function per system call. runtime/src/sys.ts documents each; no policy here.
#define _GNU_SOURCE
#include "native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---- arguments and results ----

// One argument, by its letter in CALLS: p path or other text without NUL, b bytes, i int, n integer up to 2^53, d number,
// a array of ids or null, v any value.
typedef struct {
  const char *text;
  size_t length;
  int64_t number;
  double real;
  uint32_t *list;  // `number` entries, NULL for null
  JSValueConst value;
} Arg;

#define INT(k) ((int)a[k].number)
#define SYS(name) \
  static JSValue sys_##name(__attribute__((unused)) JSContext *ctx, __attribute__((unused)) const Arg *a)

enum { MAX_ARGS = 9 };
static char buffer[65536];

static JSValue result(JSContext *ctx, int64_t r) { return JS_NewInt64(ctx, r < 0 ? -errno : r); }

// QuickJS hands out UTF-8; in a fresh copy unless all is ASCII, so U+0080..U+00FF become single bytes in place.
static void latin1(char *text, size_t *length) {
  size_t to = 0;
  for (size_t from = 0; from < *length; from++, to++) {
    unsigned char c = (unsigned char)text[from];
    if (c < 0x80) {
      if (to == from) continue;
    } else if (c == 0xc2 || c == 0xc3) {
      c = (unsigned char)((c & 3) << 6 | (text[++from] & 0x3f));
    }
    text[to] = (char)c;
  }
  if (to == *length) return;
  text[to] = 0;
  *length = to;
}

static JSValue bytes(JSContext *ctx, const char *text, size_t length) {
  size_t high = 0;
  for (size_t i = 0; i < length; i++) high += (unsigned char)text[i] >> 7;
  if (high == 0) return JS_NewStringLen(ctx, text, length);
  char *utf8 = js_malloc(ctx, length + high), *to = utf8;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x80) *to++ = (char)(0xc0 | c >> 6);
    *to++ = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
  }
  JSValue string = JS_NewStringLen(ctx, utf8, length + high);
  js_free(ctx, utf8);
  return string;
}

static JSValue read_result(JSContext *ctx, ssize_t size) {
  return size < 0 ? result(ctx, size) : bytes(ctx, buffer, (size_t)size);
}

static size_t at_most(int64_t size) { return size < 0 ? 0 : size < (int64_t)sizeof buffer ? (size_t)size : sizeof buffer; }

static bool take_list(JSContext *ctx, JSValueConst value, Arg *arg) {
  if (JS_IsNull(value)) return true;
  uint32_t length;
  if (!JS_IsArray(ctx, value)) return false;
  if (JS_ToUint32(ctx, &length, JS_GetPropertyStr(ctx, value, "length")) < 0 || length > NGROUPS_MAX + 2) return false;
  arg->list = js_malloc(ctx, (length + 1) * sizeof *arg->list);
  for (; arg->number < length; arg->number++) {
    JSValue id = JS_GetPropertyUint32(ctx, value, (uint32_t)arg->number);
    if (!JS_IsNumber(id) || JS_ToUint32(ctx, &arg->list[arg->number], id) < 0) return false;
  }
  return true;
}

static bool take(JSContext *ctx, JSValueConst value, char letter, Arg *arg) {
  arg->value = value;
  if (letter == 'v') return true;
  if (letter == 'a') return take_list(ctx, value, arg);
  if (letter == 'p' || letter == 'b') {
    if (!JS_IsString(value) || !(arg->text = JS_ToCStringLen(ctx, &arg->length, value))) return false;
    latin1((char *)(uintptr_t)arg->text, &arg->length);
    return true;
  }
  if (!JS_IsNumber(value) || JS_ToFloat64(ctx, &arg->real, value) < 0 || isnan(arg->real)) return false;
  if (letter == 'd') return true;
  double limit = letter == 'i' ? 0x1p31 : 0x1p53;
  if (arg->real < -limit || arg->real >= limit) return false;
  arg->number = (int64_t)arg->real;
  return true;
}

// ---- processes ----

// Splits at NUL; the pointers and their NULL end are one block.
static char **split(JSContext *ctx, const Arg *arg) {
  size_t count = arg->length > 0;
  for (size_t i = 0; i < arg->length; i++) count += arg->text[i] == 0;
  char **list = js_malloc(ctx, (count + 1) * sizeof *list);
  const char *next = arg->text;
  for (size_t i = 0; i < count; i++, next += strlen(next) + 1) list[i] = (char *)(uintptr_t)next;
  list[count] = NULL;
  return list;
}

SYS(spawn) {
  if (a[8].list && a[8].number < 2) return JS_ThrowTypeError(ctx, "spawn: ids must be [uid, gid, ...groups]");
  Program program = {.program = a[0].text, .argv = split(ctx, &a[1]), .environ = split(ctx, &a[2]), .cwd = a[3].text,
                     .stdio = {INT(4), INT(5), INT(6)}, .flags = INT(7), .ids = a[8].list, .id_count = (size_t)a[8].number};
  pid_t pid = spawn(&program);
  js_free(ctx, program.argv);
  js_free(ctx, program.environ);
  return JS_NewInt32(ctx, pid);
}
SYS(reap) {
  int status = 0;
  pid_t pid = waitpid(-1, &status, WNOHANG);
  return result(ctx, pid > 0 ? (int64_t)pid << 16 | status : pid);
}
SYS(kill) {
  if (INT(0) == -1 && getpid() != 1) return JS_NewInt32(ctx, -EPERM);
  return result(ctx, kill(INT(0), INT(1)));
}
SYS(execve) {
  char **argv = split(ctx, &a[1]), **environ = split(ctx, &a[2]);
  sigset_t before;
  sigprocmask(SIG_SETMASK, &origin.mask, &before);
  JSValue error = result(ctx, execve(a[0].text, argv, environ));
  sigprocmask(SIG_SETMASK, &before, NULL);
  js_free(ctx, argv);
  js_free(ctx, environ);
  return error;
}
SYS(restart) { last_resort_restart(false); }
SYS(exit) { _exit(INT(0)); }
SYS(getpid) { return JS_NewInt32(ctx, getpid()); }
SYS(getppid) { return JS_NewInt32(ctx, getppid()); }
SYS(getuid) { return JS_NewInt64(ctx, getuid()); }
SYS(getgid) { return JS_NewInt64(ctx, getgid()); }
SYS(setSubreaper) { return result(ctx, prctl(PR_SET_CHILD_SUBREAPER, 1)); }
SYS(setJournal) {
  last_resort_set_journal(INT(0), JS_ToBool(ctx, a[1].value) > 0);
  return JS_NewInt32(ctx, 0);
}

// ---- this process's own attributes ----

SYS(setuid) { return result(ctx, setuid((uid_t)a[0].number)); }
SYS(setgid) { return result(ctx, setgid((gid_t)a[0].number)); }
SYS(setgroups) { return result(ctx, setgroups((size_t)a[0].number, a[0].list)); }
SYS(setsid) { return result(ctx, setsid()); }
SYS(nice) {
  errno = 0;
  return result(ctx, nice(INT(0)) == -1 && errno ? -1 : 0);
}
SYS(umask) { return result(ctx, umask((mode_t)INT(0))); }
SYS(chdir) { return result(ctx, chdir(a[0].text)); }
SYS(chroot) { return result(ctx, chroot(a[0].text)); }

static JSValue limit(JSContext *ctx, rlim_t value) { return JS_NewInt64(ctx, value == RLIM_INFINITY ? -1 : (int64_t)value); }

SYS(getrlimit) {
  struct rlimit limits = {0, 0};
  getrlimit(INT(0), &limits);
  JSValue object = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, object, "soft", limit(ctx, limits.rlim_cur));
  JS_SetPropertyStr(ctx, object, "hard", limit(ctx, limits.rlim_max));
  return object;
}
SYS(setrlimit) {
  struct rlimit limits = {a[1].number < 0 ? RLIM_INFINITY : (rlim_t)a[1].number,
                          a[2].number < 0 ? RLIM_INFINITY : (rlim_t)a[2].number};
  return result(ctx, setrlimit(INT(0), &limits));
}

// ---- files ----

SYS(open) { return result(ctx, open(a[0].text, INT(1) | O_CLOEXEC, (mode_t)INT(2))); }
SYS(close) { return result(ctx, close(INT(0))); }
SYS(dup2) { return result(ctx, dup2(INT(0), INT(1))); }
SYS(read) { return read_result(ctx, read(INT(0), buffer, at_most(a[1].number))); }
SYS(write) { return result(ctx, write(INT(0), a[1].text, a[1].length)); }
SYS(pread) { return read_result(ctx, pread(INT(0), buffer, at_most(a[1].number), a[2].number)); }
SYS(pwrite) { return result(ctx, pwrite(INT(0), a[1].text, a[1].length, a[2].number)); }

static JSValue stat_result(JSContext *ctx, int r, const struct stat *st) {
  if (r < 0) return result(ctx, r);
  JSValue object = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, object, "mode", JS_NewInt64(ctx, st->st_mode));
  JS_SetPropertyStr(ctx, object, "uid", JS_NewInt64(ctx, st->st_uid));
  JS_SetPropertyStr(ctx, object, "gid", JS_NewInt64(ctx, st->st_gid));
  JS_SetPropertyStr(ctx, object, "size", JS_NewInt64(ctx, st->st_size));
  double milliseconds = (double)st->st_mtim.tv_sec * 1e3 + (double)st->st_mtim.tv_nsec / 1e6;
  JS_SetPropertyStr(ctx, object, "mtimeMs", JS_NewFloat64(ctx, milliseconds));
  JS_SetPropertyStr(ctx, object, "ino", JS_NewInt64(ctx, (int64_t)st->st_ino));
  return object;
}

SYS(stat) {
  struct stat st;
  return stat_result(ctx, stat(a[0].text, &st), &st);
}
SYS(lstat) {
  struct stat st;
  return stat_result(ctx, lstat(a[0].text, &st), &st);
}
SYS(access) { return result(ctx, faccessat(AT_FDCWD, a[0].text, INT(1), AT_EACCESS)); }
SYS(readdir) {
  DIR *dir = opendir(a[0].text);
  if (!dir) return result(ctx, -1);
  JSValue names = JS_NewArray(ctx);
  uint32_t count = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    JS_SetPropertyUint32(ctx, names, count++, bytes(ctx, entry->d_name, strlen(entry->d_name)));
  }
  closedir(dir);
  return names;
}
SYS(readlink) { return read_result(ctx, readlink(a[0].text, buffer, sizeof buffer)); }
SYS(realpath) { return read_result(ctx, realpath(a[0].text, buffer) ? (ssize_t)strlen(buffer) : -1); }
SYS(rename) { return result(ctx, rename(a[0].text, a[1].text)); }
SYS(unlink) { return result(ctx, unlink(a[0].text)); }
SYS(mkdir) { return result(ctx, mkdir(a[0].text, (mode_t)INT(1))); }
SYS(chmod) { return result(ctx, chmod(a[0].text, (mode_t)INT(1))); }
SYS(chown) { return result(ctx, chown(a[0].text, (uid_t)a[1].number, (gid_t)a[2].number)); }
SYS(flock) { return result(ctx, flock(INT(0), INT(1))); }
SYS(isatty) { return JS_NewBool(ctx, isatty(INT(0))); }
SYS(pipe) {
  int fds[2];
  if (pipe(fds) < 0) return result(ctx, -1);
  JSValue pair = JS_NewArray(ctx);
  for (uint32_t i = 0; i < 2; i++) JS_SetPropertyUint32(ctx, pair, i, JS_NewInt32(ctx, fds[i]));
  return pair;
}
SYS(memfd) { return result(ctx, memfd_create(a[0].text, 0)); }

// ---- events ----

SYS(epollCreate) { return result(ctx, epoll_create1(EPOLL_CLOEXEC)); }
SYS(epollAdd) {
  struct epoll_event event = {.events = (uint32_t)INT(2), .data.fd = INT(1)};
  return result(ctx, epoll_ctl(INT(0), EPOLL_CTL_ADD, INT(1), &event));
}
SYS(epollRemove) { return result(ctx, epoll_ctl(INT(0), EPOLL_CTL_DEL, INT(1), NULL)); }
SYS(epollWait) {
  size_t offset, length, element, size;
  JSValue array = JS_GetTypedArrayBuffer(ctx, a[1].value, &offset, &length, &element);
  if (JS_IsException(array)) return array;
  uint8_t *start = JS_GetArrayBuffer(ctx, &size, array);
  JS_FreeValue(ctx, array);
  if (!start || element != sizeof(int32_t)) return JS_ThrowTypeError(ctx, "epollWait: pairs must be an Int32Array");
  struct epoll_event events[256];
  int max = length / 8 < 256 ? (int)(length / 8) : 256;
  // Rounded up: a wait that ends before its timer is due would spin.
  int timeout = a[2].real < 0 ? -1 : a[2].real > INT_MAX ? INT_MAX : (int)ceil(a[2].real);
  int count = epoll_wait(INT(0), events, max, timeout);
  int32_t *pairs = (int32_t *)(void *)(start + offset);
  for (int i = 0; i < count; i++) {
    pairs[2 * i] = events[i].data.fd;
    pairs[2 * i + 1] = (int32_t)events[i].events;
  }
  return count < 0 && errno == EINTR ? JS_NewInt32(ctx, 0) : result(ctx, count);
}
SYS(signalfd) {
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  return result(ctx, signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK));
}
SYS(readSignal) {
  struct signalfd_siginfo info;
  return result(ctx, read(INT(0), &info, sizeof info) < 0 ? -1 : (int64_t)info.ssi_signo);
}
SYS(inotifyInit) { return result(ctx, inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }
SYS(inotifyAdd) { return result(ctx, inotify_add_watch(INT(0), a[1].text, (uint32_t)a[2].number)); }
SYS(inotifyRemove) { return result(ctx, inotify_rm_watch(INT(0), INT(1))); }

// ---- unix sockets ----

static int unix_socket(const Arg *path, int flags, int (*join)(int, const struct sockaddr *, socklen_t)) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path->length == 0 || path->length >= sizeof address.sun_path) {
    errno = path->length ? ENAMETOOLONG : ENOENT;
    return -1;
  }
  memcpy(address.sun_path, path->text, path->length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0 || join(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

SYS(unixBind) { return result(ctx, unix_socket(&a[0], SOCK_NONBLOCK, bind)); }
SYS(listen) { return result(ctx, listen(INT(0), INT(1))); }
SYS(accept) { return result(ctx, accept4(INT(0), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)); }
SYS(unixConnect) { return result(ctx, unix_socket(&a[0], 0, connect)); }
SYS(peerUid) {
  struct ucred peer = {0, 0, 0};
  socklen_t size = sizeof peer;
  return result(ctx, getsockopt(INT(0), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? -1 : (int64_t)peer.uid);
}

// ---- clocks and words ----

static JSValue clock_result(JSContext *ctx, clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return JS_NewFloat64(ctx, (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6);
}

SYS(now) { return clock_result(ctx, CLOCK_MONOTONIC); }
SYS(time) { return clock_result(ctx, CLOCK_REALTIME); }
SYS(strerror) { return JS_NewString(ctx, strerror(INT(0))); }

// ---- the one list of calls: name and arguments, checked against interface Sys by tools/check-sys.ts ----

#define CALLS(X)                                                                                                         \
  X(spawn, "pbbpiiiia") X(reap, "") X(kill, "ii") X(execve, "pbb") X(restart, "") X(exit, "i") X(getpid, "")             \
  X(getppid, "") X(getuid, "") X(getgid, "") X(setSubreaper, "") X(setJournal, "iv")                                     \
  X(setuid, "n") X(setgid, "n") X(setgroups, "a") X(setsid, "") X(nice, "i") X(umask, "i") X(chdir, "p") X(chroot, "p")  \
  X(getrlimit, "i") X(setrlimit, "inn")                                                                                  \
  X(open, "pii") X(close, "i") X(dup2, "ii") X(read, "in") X(write, "ib") X(pread, "inn") X(pwrite, "ibn")               \
  X(stat, "p") X(lstat, "p") X(access, "pi") X(readdir, "p") X(readlink, "p") X(realpath, "p") X(rename, "pp")           \
  X(unlink, "p") X(mkdir, "pi") X(chmod, "pi") X(chown, "pnn") X(flock, "ii") X(isatty, "i") X(pipe, "") X(memfd, "p")   \
  X(epollCreate, "") X(epollAdd, "iii") X(epollRemove, "ii") X(epollWait, "ivd") X(signalfd, "") X(readSignal, "i")      \
  X(inotifyInit, "") X(inotifyAdd, "ipn") X(inotifyRemove, "ii")                                                         \
  X(unixBind, "p") X(listen, "ii") X(accept, "i") X(unixConnect, "p") X(peerUid, "i")                                    \
  X(now, "") X(time, "") X(strerror, "i")

#define INDEX(name, letters) CALL_##name,
#define CALL(name, letters) {#name, letters, sys_##name},
#define ENTRY(name, letters) JS_CFUNC_MAGIC_DEF(#name, sizeof letters - 1, dispatch, CALL_##name),
enum { CALLS(INDEX) };

static const struct {
  const char *name, *letters;
  JSValue (*function)(JSContext *ctx, const Arg *a);
} calls[] = {CALLS(CALL)};

static JSValue dispatch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  (void)self, (void)argc;  // QuickJS fills up argv with undefined
  const char *letters = calls[magic].letters;
  Arg a[MAX_ARGS] = {0};
  int taken = 0;
  JSValue value = JS_UNDEFINED;
  for (; letters[taken]; taken++) {
    if (!take(ctx, argv[taken], letters[taken], &a[taken])) {
      value = JS_ThrowTypeError(ctx, "%s: bad argument %d", calls[magic].name, taken + 1);
      break;
    }
    // A path that the kernel would read only up to its NUL names another file.
    if (letters[taken] == 'p' && memchr(a[taken].text, 0, a[taken].length)) value = JS_NewInt32(ctx, -EINVAL);
  }
  if (JS_IsUndefined(value)) value = calls[magic].function(ctx, a);
  for (int i = 0; letters[i] && i <= taken; i++) {
    JS_FreeCString(ctx, a[i].text);
    js_free(ctx, a[i].list);
  }
  return value;
}

static const JSCFunctionListEntry functions[] = {CALLS(ENTRY)};

int sys_install(JSContext *ctx) {
  JSValue global = JS_GetGlobalObject(ctx), sys = JS_NewObject(ctx), args = JS_NewArray(ctx);
  for (uint32_t i = 0; origin.argv[i]; i++) {
    JS_SetPropertyUint32(ctx, args, i, bytes(ctx, origin.argv[i], strlen(origin.argv[i])));
  }
  // The kernel lays the strings out one after the other, but the resume variable may be among them.
  size_t size = 0;
  for (char **entry = origin.environ; *entry; entry++) size += strlen(*entry) + 1;
  char *joined = js_malloc(ctx, size + 1), *end = joined;
  for (char **entry = origin.environ; *entry; entry++) end = stpcpy(end, *entry) + 1;
  JS_SetPropertyStr(ctx, sys, "args", args);
  JS_SetPropertyStr(ctx, sys, "environ", bytes(ctx, joined, size ? size - 1 : 0));
  JS_SetPropertyStr(ctx, sys, "resumeFd", JS_NewInt32(ctx, origin.resume_fd));
  JS_SetPropertyFunctionList(ctx, sys, functions, sizeof functions / sizeof *functions);
  js_free(ctx, joined);
  int r = JS_SetPropertyStr(ctx, global, "sys", sys);
  JS_FreeValue(ctx, global);
  return r < 0 ? -1 : 0;
}
