// The global `sys`: one function per system call. runtime/src/sys.ts documents each; no policy here.
#include "native.h"
#include "calls.h"
#include <grp.h>
#include <math.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

// One argument, as its letter in calls.h says.
typedef struct {
  const char *text;  // p Path, b Bytes, l Strings
  char **strings;    // l
  uint32_t *ids;     // a array of numbers, NULL for null
  int32_t *words;    // w Int32Array
  uint8_t *data;     // u Uint8Array
  size_t length;     // of text, ids, words or data
  double number;     // n, t boolean
} Arg;

#define TEXT(k) a[k].text
#define NUMBER(k) ((int64_t)a[k].number)
#define INT(k) clamp(NUMBER(k))
#define ID(k) ((uint32_t)NUMBER(k))
// SYS(name) starts the function of Sys.name; DIRECT is one that only hands its arguments over.
#define SYS(name) static JSValue sys_##name(UNUSED JSContext *ctx, UNUSED const Arg *a)
#define DIRECT(name, ...) SYS(name) { return result(ctx, name(__VA_ARGS__)); }
enum { MAX_ARGS = 9, MAX_EVENTS = 256, MAX_PARTS = 1024, DIRECTORY_SIGNAL = 64, NO_FOLLOW = 1 << 30 };
static char buffer[65536];
static struct answers unread;
struct answers *answers = &unread;

static size_t room(int64_t max) { return max < 0 ? 0 : max < (int64_t)sizeof buffer ? (size_t)max : sizeof buffer; }
static int clamp(int64_t number) { return number < INT_MIN ? INT_MIN : number > INT_MAX ? INT_MAX : (int)number; }
static JSValue result(JSContext *ctx, int64_t r) { return JS_NewInt64(ctx, r < 0 ? -errno : r); }
// The result of a step that failed for `fd`.
static JSValue failed(JSContext *ctx, int fd) {
  JSValue error = result(ctx, -1);
  close(fd);
  return error;
}

// QuickJS gives UTF-8, in a fresh copy unless all is ASCII: there U+0080 to U+00FF become single bytes.
static void latin1(char *text, size_t *length) {
  size_t to = 0;
  for (size_t from = 0; from < *length; from++) {
    unsigned char c = (unsigned char)text[from];
    if (c == 0xc2 || c == 0xc3) c = (unsigned char)((c & 3) << 6 | (text[++from] & 0x3f));
    if (to < from) text[to] = (char)c;
    to++;
  }
  if (to < *length) text[to] = 0;
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

static JSValue text(JSContext *ctx, const char *string) { return bytes(ctx, string, strlen(string)); }
static JSValue filled(JSContext *ctx, ssize_t r) { return r < 0 ? result(ctx, r) : bytes(ctx, buffer, (size_t)r); }

static JSValue record(JSContext *ctx, size_t count, const char *const *names, const double *values) {
  JSValue object = JS_NewObject(ctx);
  for (size_t i = 0; i < count; i++) JS_SetPropertyStr(ctx, object, names[i], JS_NewFloat64(ctx, values[i]));
  return object;
}

static char **split(JSContext *ctx, const char *text, size_t length) {
  size_t count = length > 0;
  for (size_t i = 0; i < length; i++) count += text[i] == 0;
  char **strings = js_malloc(ctx, (count + 1) * sizeof *strings);
  for (size_t i = 0; i < count; i++, text += strlen(text) + 1) strings[i] = (char *)(uintptr_t)text;
  strings[count] = NULL;
  return strings;
}

static bool take_ids(JSContext *ctx, JSValueConst value, Arg *arg) {
  uint32_t length;
  if (JS_IsNull(value)) return true;
  if (!JS_IsArray(ctx, value)) return false;
  if (JS_ToUint32(ctx, &length, JS_GetPropertyStr(ctx, value, "length")) < 0 || length > 65536) return false;
  arg->ids = js_malloc(ctx, (length + 1) * sizeof *arg->ids);
  for (; arg->length < length; arg->length++) {
    JSValue id = JS_GetPropertyUint32(ctx, value, (uint32_t)arg->length);
    if (!JS_IsNumber(id) || JS_ToUint32(ctx, &arg->ids[arg->length], id) < 0) return false;
  }
  return true;
}

static bool take_array(JSContext *ctx, JSValueConst value, size_t wanted, Arg *arg) {
  size_t offset, size, element;
  JSValue array = JS_GetTypedArrayBuffer(ctx, value, &offset, &arg->length, &element);
  if (JS_IsException(array)) return false;
  arg->data = JS_GetArrayBuffer(ctx, &size, array) + offset;
  arg->words = (int32_t *)(void *)arg->data;
  arg->length /= element;
  JS_FreeValue(ctx, array);
  return element == wanted;
}

static bool take(JSContext *ctx, JSValueConst value, char letter, Arg *arg) {
  if (letter == 'a') return take_ids(ctx, value, arg);
  if (letter == 'w') return take_array(ctx, value, sizeof(int32_t), arg);
  if (letter == 'u') return take_array(ctx, value, 1, arg);
  if (letter == 't') return arg->number = JS_ToBool(ctx, value), JS_IsBool(value);
  if (letter == 'n') return JS_IsNumber(value) && !JS_ToFloat64(ctx, &arg->number, value) && fabs(arg->number) < 1e16;
  if (!JS_IsString(value) || !(arg->text = JS_ToCStringLen(ctx, &arg->length, value))) return false;
  latin1((char *)(uintptr_t)arg->text, &arg->length);
  if (letter == 'l') arg->strings = split(ctx, arg->text, arg->length);
  return true;
}

// ---- processes ----
DIRECT(getpid) DIRECT(getuid) DIRECT(getgid) DIRECT(setsid)
DIRECT(setuid, ID(0)) DIRECT(setgid, ID(0)) DIRECT(setgroups, a[0].length, a[0].ids)
DIRECT(chdir, TEXT(0)) DIRECT(chroot, TEXT(0))
SYS(spawn) {
  if (a[4].length < 3) return JS_ThrowTypeError(ctx, "spawn: stdio must be [stdin, stdout, stderr, ...]");
  if (a[6].ids && a[6].length < 2) return JS_ThrowTypeError(ctx, "spawn: ids must be [uid, gid, ...groups]");
  return JS_NewInt32(ctx, spawn(&(Program){TEXT(0), TEXT(3), a[1].strings, a[2].strings, (int *)a[4].ids,
                                           (int)a[4].length, INT(5), a[6].ids, a[6].length, -1, UNTOLD, 0}));
}
SYS(reap) {
  int status = 0;
  pid_t pid = waitpid(-1, &status, WNOHANG);
  if (pid > 0) answers->reaped = pid, answers->status = status;
  return result(ctx, pid > 0 ? (int64_t)pid << 16 | status : pid);
}
SYS(kill) { return INT(0) == -1 && getpid() != 1 ? JS_NewInt32(ctx, -EPERM) : result(ctx, kill(INT(0), INT(1))); }
SYS(execve) {
  sigset_t before;
  set_mask(&origin.mask, &before);
  JSValue error = result(ctx, execve(TEXT(0), a[1].strings, a[2].strings));
  set_mask(&before, NULL);
  return error;
}
SYS(exit) { _exit(INT(0)); }
SYS(setSubreaper) { return result(ctx, prctl(PR_SET_CHILD_SUBREAPER, 1)); }
SYS(setJournal) { return result(ctx, last_resort_set_journal(INT(0), INT(1))); }
SYS(noteAnswers) {
  void *memory = mmap(NULL, sizeof *answers, PROT_READ | PROT_WRITE, MAP_SHARED, INT(0), 0);
  return result(ctx, memory == MAP_FAILED ? -1 : (answers = memory, 0));
}
SYS(nice) { return result(ctx, setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + INT(0))); }
SYS(getrlimit) {
  struct rlimit limits = {0, 0};
  getrlimit(INT(0), &limits);
  const double values[] = {(double)(int64_t)limits.rlim_cur, (double)(int64_t)limits.rlim_max};  // RLIM_INFINITY is -1
  return record(ctx, 2, (const char *const[]){"soft", "hard"}, values);
}
SYS(setrlimit) { return result(ctx, setrlimit(INT(0), &(struct rlimit){(rlim_t)NUMBER(1), (rlim_t)NUMBER(2)})); }

// ---- files ----
SYS(open) {
  int flags = INT(1) & NO_FOLLOW ? (INT(1) & ~NO_FOLLOW) | O_NOFOLLOW : INT(1);
  return result(ctx, open(TEXT(0), flags | O_CLOEXEC, ID(2)));
}
DIRECT(close, INT(0)) DIRECT(dup2, INT(0), INT(1))
DIRECT(write, INT(0), TEXT(1), a[1].length) DIRECT(pwrite, INT(0), TEXT(1), a[1].length, NUMBER(2))
DIRECT(flock, INT(0), INT(1)) DIRECT(rename, TEXT(0), TEXT(1)) DIRECT(unlink, TEXT(0)) DIRECT(mkdir, TEXT(0), ID(1))
DIRECT(ftruncate, INT(0), NUMBER(1)) DIRECT(chmod, TEXT(0), ID(1)) DIRECT(chown, TEXT(0), ID(1), ID(2)) DIRECT(symlink, TEXT(0), TEXT(1))

static JSValue stat_at(JSContext *ctx, const char *path, int flags) {
  struct stat s;
  if (fstatat(AT_FDCWD, path, &s, flags) < 0) return result(ctx, -1);
  const double values[] = {s.st_mode, s.st_uid, s.st_gid, (double)s.st_size, (double)s.st_ino, (double)s.st_nlink,
                           (double)s.st_mtim.tv_sec * 1e3 + (double)s.st_mtim.tv_nsec / 1e6, (double)s.st_dev};
  return record(ctx, 8, (const char *const[]){"mode", "uid", "gid", "size", "ino", "links", "mtimeMs", "dev"}, values);
}

SYS(read) { return filled(ctx, read(INT(0), buffer, room(NUMBER(1)))); }
SYS(pread) { return filled(ctx, pread(INT(0), buffer, room(NUMBER(1)), NUMBER(2))); }
SYS(stat) { return stat_at(ctx, TEXT(0), 0); }
SYS(lstat) { return stat_at(ctx, TEXT(0), AT_SYMLINK_NOFOLLOW); }
SYS(access) { return result(ctx, faccessat(AT_FDCWD, TEXT(0), INT(1), AT_EACCESS) && (errno != EPERM || access(TEXT(0), INT(1))) ? -1 : 0); }
SYS(readdir) {
  DIR *dir = opendir(TEXT(0));
  if (!dir) return result(ctx, -1);
  JSValue names = JS_NewArray(ctx);
  uint32_t count = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    JS_SetPropertyUint32(ctx, names, count++, text(ctx, entry->d_name));
  }
  closedir(dir);
  return names;
}
SYS(readlink) { return filled(ctx, readlink(TEXT(0), buffer, sizeof buffer)); }
SYS(realpath) { return filled(ctx, realpath(TEXT(0), buffer) ? (ssize_t)strlen(buffer) : -1); }
SYS(pipe) {
  int ends[2];
  if (pipe(ends) < 0) return result(ctx, -1);
  JSValue pair = JS_NewArray(ctx);
  for (uint32_t i = 0; i < 2; i++) JS_SetPropertyUint32(ctx, pair, i, JS_NewInt32(ctx, ends[i]));
  return pair;
}
SYS(pipeSize) { return result(ctx, fcntl(INT(0), F_SETPIPE_SZ, INT(1))); }
SYS(memfd) { return result(ctx, memfd_create(TEXT(0), 0)); }

// ---- events ----
SYS(epollCreate) { return result(ctx, epoll_create1(EPOLL_CLOEXEC)); }
SYS(epollAdd) {
  struct epoll_event event = {.events = (uint32_t)INT(2), .data.fd = INT(1)};
  return result(ctx, epoll_ctl(INT(0), EPOLL_CTL_ADD, INT(1), &event));
}
SYS(epollRemove) { return result(ctx, epoll_ctl(INT(0), EPOLL_CTL_DEL, INT(1), NULL)); }
SYS(epollWait) {
  struct epoll_event events[MAX_EVENTS];
  int max = a[1].length / 2 < MAX_EVENTS ? (int)(a[1].length / 2) : MAX_EVENTS;
  // Rounded up: a wait that ends just before its timer is due would spin.
  int count = epoll_wait(INT(0), events, max, clamp((int64_t)ceil(a[2].number)));
  for (int i = 0; i < count; i++) {
    a[1].words[2 * i] = events[i].data.fd;
    a[1].words[2 * i + 1] = (int32_t)events[i].events;
  }
  return count < 0 && errno == EINTR ? JS_NewInt32(ctx, 0) : result(ctx, count);
}
SYS(signalfd) { return result(ctx, signalfd(-1, &origin.blocked, SFD_CLOEXEC | SFD_NONBLOCK)); }
SYS(readSignal) {
  struct signalfd_siginfo info;
  if (read(INT(0), &info, sizeof info) < 0) return result(ctx, -1);
  answers->signal = (int)info.ssi_signo;
  bool notice = info.ssi_signo == DIRECTORY_SIGNAL && info.ssi_code > 0;
  return result(ctx, (int64_t)info.ssi_signo + (notice ? 256 * ((int64_t)info.ssi_fd + 1) : 0));
}
SYS(watchDirectory) {
  int fd = open(TEXT(0), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  unsigned changes = DN_CREATE | DN_DELETE | DN_RENAME | DN_ATTRIB | DN_MODIFY | DN_MULTISHOT;
  bool watched = fd >= 0 && fcntl(fd, F_SETSIG, DIRECTORY_SIGNAL) == 0 && fcntl(fd, F_NOTIFY, changes) == 0;
  return watched ? result(ctx, fd) : failed(ctx, fd);
}

// ---- unix sockets ----
DIRECT(listen, INT(0), INT(1)) DIRECT(shutdown, INT(0), INT(1))
static JSValue unix_socket(JSContext *ctx, const Arg *path, int type, bool bound) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (path->length == 0 || path->length >= sizeof name.sun_path) return JS_NewInt32(ctx, -ENAMETOOLONG);
  memcpy(name.sun_path, path->text, path->length);
  int fd = socket(AF_UNIX, type, 0);
  bool named = fd >= 0 && (bound ? bind : connect)(fd, (const struct sockaddr *)&name, sizeof name) == 0;
  return named ? result(ctx, fd) : failed(ctx, fd);
}
SYS(unixBind) { return unix_socket(ctx, &a[0], SOCK_STREAM | SOCK_NONBLOCK, true); }
SYS(unixBindDatagram) { return unix_socket(ctx, &a[0], SOCK_DGRAM | SOCK_NONBLOCK, true); }
SYS(passCredentials) { return result(ctx, setsockopt(INT(0), SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int))); }
SYS(accept) { return result(ctx, accept4(INT(0), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)); }
SYS(unixConnect) { return unix_socket(ctx, &a[0], SOCK_STREAM | SOCK_CLOEXEC, false); }
SYS(unixConnectDatagram) { return unix_socket(ctx, &a[0], SOCK_DGRAM | SOCK_CLOEXEC, false); }
SYS(connectTo) {
  struct addrinfo hints = {.ai_socktype = INT(2) ? SOCK_DGRAM : SOCK_STREAM}, *found;
  char port[16];
  snprintf(port, sizeof port, "%d", INT(1));
  JSValue answer = JS_NewInt32(ctx, -ENOENT);
  if (getaddrinfo(TEXT(0), port, &hints, &found) != 0) return answer;
  bool connected = false;
  for (struct addrinfo *at = found; at && !connected; at = at->ai_next) {
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
    connected = fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0;
    answer = connected ? result(ctx, fd) : failed(ctx, fd);
  }
  freeaddrinfo(found);
  return answer;
}
static JSValue peer(JSContext *ctx, int fd, bool pid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  int known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return result(ctx, known < 0 ? -1 : pid ? peer.pid : (int64_t)peer.uid);
}
SYS(peerUid) { return peer(ctx, INT(0), false); }
SYS(peerPid) { return peer(ctx, INT(0), true); }

// ---- bytes in shared memory ----
SYS(map) {
  size_t size = (size_t)NUMBER(1);
  struct stat s;
  if (fstat(INT(0), &s) < 0 || (s.st_size < NUMBER(1) && ftruncate(INT(0), NUMBER(1)) < 0)) return result(ctx, -1);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, INT(0), 0);
  return memory == MAP_FAILED ? result(ctx, -1) : JS_NewArrayBuffer(ctx, memory, size, NULL, NULL, false);
}
// A part of a Uint8Array, cut to what it has.
static struct iovec part(const Arg *array, int64_t from, int64_t end) {
  size_t last = end < 0 ? 0 : (uint64_t)end < array->length ? (size_t)end : array->length;
  size_t first = from < 0 ? 0 : (uint64_t)from < last ? (size_t)from : last;
  return (struct iovec){array->data + first, last - first};
}
// What recvmmsg's memory holds for each message before its slot: a header, then iovecs and control data.
enum { AREA = 64 };
_Static_assert(sizeof(struct mmsghdr) == AREA && 2 * sizeof(struct iovec) == AREA / 2, "as sys.ts says");
SYS(recvmmsg) {
  static uint8_t *prepared;
  struct mmsghdr *headers = (struct mmsghdr *)(void *)a[1].data;
  size_t slots = (size_t)NUMBER(2), slot = (size_t)NUMBER(3), rest = (size_t)NUMBER(4), first = (size_t)NUMBER(5);
  if (first > slots || slots * (2 * AREA + slot + rest) > a[1].length) return JS_NewInt32(ctx, -EINVAL);
  uint8_t *extras = a[1].data + slots * AREA, *data = extras + slots * AREA, *rests = data + slots * slot;
  for (size_t i = 0; i < slots; i++, extras += AREA, data += slot, rests += rest) {
    if (prepared != a[1].data) {
      struct iovec *parts = (struct iovec *)(void *)extras;
      parts[0] = (struct iovec){data, slot};
      parts[1] = (struct iovec){rests, rest};
      headers[i].msg_hdr = (struct msghdr){.msg_iov = parts, .msg_iovlen = 2, .msg_control = extras + AREA / 2};
    }
    if (i < first) continue;
    headers[i].msg_hdr.msg_controllen = AREA / 2;
    headers[i].msg_len = 0;
  }
  prepared = a[1].data;
  return result(ctx, recvmmsg(INT(0), headers + first, (unsigned)(slots - first), MSG_DONTWAIT | MSG_TRUNC, NULL));
}
SYS(writev) {
  struct iovec parts[MAX_PARTS];
  int count = 0;
  for (size_t i = (size_t)NUMBER(2); i + 2 <= (size_t)NUMBER(3) && count < MAX_PARTS; i += 2, count++) {
    const int32_t *span = (const int32_t *)(const void *)a[1].data + i;
    if ((i + 2) * 4 > a[1].length) return JS_NewInt32(ctx, -EINVAL);
    parts[count] = part(&a[1], span[0], (int64_t)span[0] + span[1]);
  }
  return result(ctx, writev(INT(0), parts, count));
}
SYS(splice) {
  loff_t *offset = (loff_t *)(void *)(a[2].data + NUMBER(3));
  if (NUMBER(3) < 0 || (size_t)NUMBER(3) + sizeof *offset > a[2].length) return JS_NewInt32(ctx, -EINVAL);
  return result(ctx, splice(INT(0), NULL, INT(1), offset, (size_t)NUMBER(4), SPLICE_F_NONBLOCK));
}
static bool is_control(uint8_t byte) { return (byte < ' ' && byte != '\t') || byte == 0x7f; }
// Whether `Mmm dd hh:mm:ss ` stands at `at`: form has the character, or the largest digit, for each place after the month.
static bool is_stamp(const uint8_t *at) {
  const char *form = " 39 29:59:69 ", *month = "JanFebMarAprMayJunJulAugSepOctNovDec";
  while (*month && memcmp(at, month, 3) != 0) month += 3;
  for (at += 3; *month && *form; at++, form++) {
    bool digit = *form > ' ' && *form < ':';
    if (digit ? (*at < '0' || *at > *form) && (*form != '3' || *at != ' ') : *at != *form) return false;
  }
  return *month;
}
// `<PRI>Mmm dd hh:mm:ss TAG…` with a tag that ends with `:` or `[`: priority, start of TAG, end. Else a priority of -1.
static void find_line(uint8_t *at, size_t length, size_t room, const uint8_t *base, int32_t out[3]) {
  uint8_t *end = at + length;
  int priority = 0;
  out[0] = -1;
  if (length == 0 || length >= room || *at++ != '<') return;
  while (end > at && (end[-1] == '\n' || end[-1] == 0)) end--;
  for (int digits = 0; at < end && *at >= '0' && *at <= '9' && digits < 3; digits++) priority = priority * 10 + *at++ - '0';
  if (end - at < 18 || at[-1] == '<' || *at != '>' || !is_stamp(at + 1)) return;
  uint8_t *text = at += 17;
  while (at < end && *at > ' ' && *at != ':' && *at != '[' && *at != 0x7f) at++;
  if (at == end || (*at != ':' && *at != '[')) return;
  while (at < end && !is_control(*at)) at++;
  if (at < end) return;
  *end = '\n';
  out[0] = priority, out[1] = (int32_t)(text - base), out[2] = (int32_t)(end + 1 - base);
}
SYS(syslogLines) {
  const struct mmsghdr *headers = (const struct mmsghdr *)(const void *)a[0].data;
  size_t slots = (size_t)NUMBER(1), slot = (size_t)NUMBER(2), count = (size_t)NUMBER(3);
  if (count > slots || slots * (2 * AREA + slot) > a[0].length || count * 3 > a[4].length) return JS_NewInt32(ctx, -EINVAL);
  uint8_t *data = a[0].data + slots * 2 * AREA;
  for (size_t i = 0; i < count; i++) find_line(data + i * slot, headers[i].msg_len, slot, a[0].data, a[4].words + 3 * i);
  return JS_NewInt32(ctx, 0);
}
SYS(find) {
  struct iovec range = part(&a[0], NUMBER(1), NUMBER(2));
  const uint8_t *found = memchr(range.iov_base, INT(3), range.iov_len);
  return JS_NewInt32(ctx, found ? (int32_t)(found - a[0].data) : -1);
}
SYS(peek) {
  struct iovec range = part(&a[0], NUMBER(1), NUMBER(2));
  return bytes(ctx, range.iov_base, range.iov_len);
}
SYS(poke) {
  struct iovec range = part(&a[0], NUMBER(1), NUMBER(1) + (int64_t)a[2].length);
  if (range.iov_len < a[2].length) return JS_NewInt32(ctx, -EINVAL);
  memcpy(range.iov_base, a[2].text, a[2].length);
  return JS_NewInt32(ctx, (int32_t)a[2].length);
}
// Length of the UTF-8 sequence at the start of `left` bytes, 0 for none.
static size_t sequence(const uint8_t *at, size_t left) {
  size_t length = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < length; i++) {
    uint8_t least = i > 1 ? 0x80 : *at == 0xe0 ? 0xa0 : *at == 0xf0 ? 0x90 : 0x80;
    uint8_t most = i > 1 ? 0xbf : *at == 0xed ? 0x9f : *at == 0xf4 ? 0x8f : 0xbf;
    if (i >= left || at[i] < least || at[i] > most) return 0;
  }
  return length;
}
SYS(escape) {
  const char *hex = "0123456789abcdef";
  char *to = buffer;
  bool json = a[1].number;
  if (a[0].length > sizeof buffer / 6) return JS_ThrowRangeError(ctx, "escape: the text is too long");
  for (const uint8_t *at = (const uint8_t *)TEXT(0), *end = at + a[0].length; at < end;) {
    size_t length = json ? sequence(at, (size_t)(end - at)) : 1;
    uint8_t c = *at;
    if (length == 0) to = stpcpy(to, "\xef\xbf\xbd");
    else if (json && (is_control(c) || c == '\t')) to = stpcpy(to, "\\u00"), *to++ = hex[c / 16], *to++ = hex[c % 16];
    else if (is_control(c)) *to++ = '#', *to++ = (char)('0' + c / 64), *to++ = (char)('0' + c / 8 % 8), *to++ = (char)('0' + c % 8);
    else if (json && (c == '"' || c == '\\')) *to++ = '\\', *to++ = (char)c;
    else to = (char *)memcpy(to, at, length) + length;
    at += length ? length : 1;
  }
  return bytes(ctx, buffer, (size_t)(to - buffer));
}
SYS(size) { return result(ctx, lseek(INT(0), 0, SEEK_END)); }

// ---- clocks and words ----
SYS(now) { return JS_NewFloat64(ctx, clock_ms(CLOCK_MONOTONIC)); }
SYS(time) { return JS_NewFloat64(ctx, clock_ms(CLOCK_REALTIME)); }
SYS(timerfd) { return result(ctx, timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)); }
SYS(timerfdSet) {
  struct itimerspec at = {.it_value = {.tv_sec = (time_t)(a[1].number / 1e3), .tv_nsec = NUMBER(1) % 1000 * 1000000}};
  return result(ctx, timerfd_settime(INT(0), TFD_TIMER_ABSTIME | (a[2].number ? TFD_TIMER_CANCEL_ON_SET : 0), &at, NULL));
}
SYS(hostname) { return gethostname(buffer, sizeof buffer) < 0 ? result(ctx, -1) : text(ctx, buffer); }
SYS(strerror) { return JS_NewString(ctx, strerror(INT(0))); }

// ---- the table, from the generated list ----
#define INDEX(name, letters) CALL_##name,
#define CALL(name, letters) {#name, letters, sys_##name},
#define ENTRY(name, letters) JS_CFUNC_MAGIC_DEF(#name, sizeof letters - 1, dispatch, CALL_##name),
enum { CALLS(INDEX) };
static const struct {
  const char *name, *letters;
  JSValue (*function)(JSContext *ctx, const Arg *a);
} calls[] = {CALLS(CALL)};

// QuickJS fills argv up with undefined.
static JSValue dispatch(JSContext *ctx, UNUSED JSValueConst self, UNUSED int argc, JSValueConst *argv, int magic) {
  const char *letters = calls[magic].letters;
  Arg a[MAX_ARGS] = {0};
  JSValue value = JS_UNDEFINED;
  for (int i = 0; letters[i] && JS_IsUndefined(value); i++) {
    bool taken = take(ctx, argv[i], letters[i], &a[i]);
    if (!taken) value = JS_ThrowTypeError(ctx, "%s: bad argument %d", calls[magic].name, i + 1);
    // The kernel would take a path up to its NUL, which is another file.
    else if (letters[i] == 'p' && strlen(a[i].text) < a[i].length) value = JS_NewInt32(ctx, -EINVAL);
  }
  if (JS_IsUndefined(value)) value = calls[magic].function(ctx, a);
  for (int i = 0; letters[i]; i++) {
    JS_FreeCString(ctx, a[i].text);
    js_free(ctx, a[i].strings);
    js_free(ctx, a[i].ids);
  }
  return value;
}

static const JSCFunctionListEntry functions[] = {CALLS(ENTRY)};

void sys_install(JSContext *ctx) {
  JSValue sys = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, sys, "machine", JS_NewString(ctx, MACHINE));
  JS_SetPropertyFunctionList(ctx, sys, functions, COUNT(functions));
  JS_SetPropertyStr(ctx, JS_GetGlobalObject(ctx), "sys", sys);
}

void sys_install_origin(JSContext *ctx) {
  JSValue sys = JS_GetPropertyStr(ctx, JS_GetGlobalObject(ctx), "sys"), args = JS_NewArray(ctx);
  for (uint32_t i = 0; origin.argv[i]; i++) JS_SetPropertyUint32(ctx, args, i, text(ctx, origin.argv[i]));
  size_t size = 0;
  for (char **entry = environ; *entry; entry++) size += strlen(*entry) + 1;
  char *joined = js_malloc(ctx, size + 1), *end = joined;
  for (char **entry = environ; *entry; entry++) end = stpcpy(end, *entry) + 1;
  JS_SetPropertyStr(ctx, sys, "args", args);
  JS_SetPropertyStr(ctx, sys, "environ", bytes(ctx, joined, size ? size - 1 : 0));
  JS_SetPropertyStr(ctx, sys, "resumeFd", JS_NewInt32(ctx, origin.resume_fd));
  js_free(ctx, joined);
  JS_FreeValue(ctx, sys);
}
