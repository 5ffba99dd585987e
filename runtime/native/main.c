// main: signals first, then the applet's script, then its turns for ever.
#include "native.h"
#include <sys/mman.h>
#include <sys/stat.h>

enum { MAX_FAILED_TURNS = 16, TURN_LIMIT_MS = 5000, COMPLAINTS_PER_MINUTE = 20, MAX_STACK = 4 << 20, GC_THRESHOLD = 640 << 10, NO_COMMAND = 127 };

struct origin origin = {.resume_fd = -1};
const sigset_t every_signal = {{~0UL}};

double clock_ms(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void complain(JSContext *ctx, JSValueConst error) {
  static double since = -60000;
  static int complaints;
  if (clock_ms(CLOCK_MONOTONIC) - since >= 60000) complaints = 0, since = clock_ms(CLOCK_MONOTONIC);
  if (++complaints > COMPLAINTS_PER_MINUTE) return;
  JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
  const char *text = JS_ToCString(ctx, error), *where = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
  const char *rest = complaints == COMPLAINTS_PER_MINUTE ? "*** further errors of this minute are not shown\n" : "";
  say("*** internal error in %s: %s\n%s%s", origin.argv[0], text ? text : "?", where ? where : "", rest);
  JS_FreeCString(ctx, where);
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, stack);
}

// False, and on stderr, when `result` stands for an exception.
static bool succeeded(JSContext *ctx, JSValue result) {
  JS_FreeValue(ctx, result);
  if (!JS_IsException(result)) return true;
  JSValue error = JS_GetException(ctx);
  complain(ctx, error);
  JS_FreeValue(ctx, error);
  return false;
}

static void on_rejection(JSContext *ctx, UNUSED JSValueConst p, JSValueConst why, JS_BOOL handled, UNUSED void *data) {
  if (!handled) complain(ctx, why);
}

static bool in_turn;  // not while the script is evaluated
static double turn_seen;  // processor time when the turn was first looked at, 0 before that

// Processor time: a wait for events, a frozen container and a busy machine do not count.
static int on_interrupt(UNUSED JSRuntime *rt, UNUSED void *opaque) {
  if (!in_turn) return 0;
  double now = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  if (turn_seen <= 0) turn_seen = now;
  return now - turn_seen > TURN_LIMIT_MS;
}

// All of them, also after one that failed: the next turn may wait for long.
static bool run_jobs(JSRuntime *rt) {
  JSContext *ctx;
  int failed = 0;
  for (int done = 1; done != 0 && failed < MAX_FAILED_TURNS; done = JS_ExecutePendingJob(rt, &ctx)) {
    if (done < 0) failed += !succeeded(ctx, JS_EXCEPTION);
  }
  return failed == 0;
}

static _Noreturn void run_turns(JSContext *ctx, JSValueConst tick) {
  in_turn = true;
  for (int failed = 0; failed < MAX_FAILED_TURNS;) {
    turn_seen = 0;
    bool ok = succeeded(ctx, JS_Call(ctx, tick, JS_UNDEFINED, 0, NULL));
    ok = run_jobs(JS_GetRuntime(ctx)) && ok;
    failed = ok ? 0 : on_interrupt(NULL, NULL) ? MAX_FAILED_TURNS : failed + 1;
    if (restart_asked) last_resort_restart(false);
  }
  say("*** starting %s again in place after these errors\n", origin.argv[0]);
  last_resort_restart(true);
}

static JSContext *new_context(void) {
  JSRuntime *rt = JS_NewRuntime();
  JS_SetInterruptHandler(rt, on_interrupt, NULL);
  JS_SetGCThreshold(rt, SIZE_MAX);  // nothing to collect while it starts
  JSContext *ctx = JS_NewContextRaw(rt);
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx);
  sys_install(ctx);
  return ctx;
}

static void fit_stack(JSRuntime *rt) {
  struct rlimit stack;
  getrlimit(RLIMIT_STACK, &stack);
  JS_UpdateStackTop(rt);
  JS_SetMaxStackSize(rt, stack.rlim_cur / 2 < MAX_STACK ? stack.rlim_cur / 2 : MAX_STACK);
}

static bool evaluate(JSContext *ctx, const uint8_t *bytecode, size_t size) {
  JSValue module = JS_ReadObject(ctx, bytecode, size, JS_READ_OBJ_BYTECODE);
  JS_ResolveModule(ctx, module);
  JSValue evaluated = JS_EvalFunction(ctx, module);  // a promise, since the bundle is a module
  // Not before: QuickJS makes a second promise in it, which is rejected too.
  JS_SetHostPromiseRejectionTracker(JS_GetRuntime(ctx), on_rejection, NULL);
  bool ok = JS_PromiseState(ctx, evaluated) == JS_PROMISE_FULFILLED;
  if (!ok) complain(ctx, JS_PromiseResult(ctx, evaluated));
  ok = run_jobs(JS_GetRuntime(ctx)) && ok;
  JS_FreeValue(ctx, evaluated);
  return ok;
}

static _Noreturn void run_applet(JSContext *ctx, const Applet *applet) {
  JSValue global = JS_GetGlobalObject(ctx), main = JS_GetPropertyStr(ctx, global, "main");
  bool started = image.applet == applet || evaluate(ctx, applet->bytecode, applet->size);
  if (JS_IsUndefined(main)) main = JS_GetPropertyStr(ctx, global, "main");
  if (started && JS_IsFunction(ctx, main)) started = succeeded(ctx, JS_Call(ctx, main, JS_UNDEFINED, 0, NULL));
  if (!started || !run_jobs(JS_GetRuntime(ctx))) {
    if (applet->daemon) last_resort_reap();
    _exit(INTERNAL_ERROR);
  }
  JS_SetGCThreshold(JS_GetRuntime(ctx), GC_THRESHOLD);  // a collection writes to each object: 100 kB of the image become private
  JSValue tick = JS_GetPropertyStr(ctx, global, "tick");
  if (!JS_IsFunction(ctx, tick)) _exit(0);
  run_turns(ctx, tick);
}

static const Applet *find_applet(const char *path) {
  const char *slash = strrchr(path, '/');
  for (const Applet *applet = applets; applet->name; applet++) {
    if (strcmp(applet->name, slash ? slash + 1 : path) == 0) return applet;
  }
  return NULL;
}

// Overwrites values of this very run, so that every build makes the same image: places on the stack, which the next start sets again,
// and the seed of Math.random, which is the time in microseconds.
static void forget_run(uint64_t began, uint64_t ended) {
  uint64_t stack = (uint64_t)(uintptr_t)&ended;
  for (uint64_t *word = (uint64_t *)&image; word < (uint64_t *)(&image + 1); word++)
    if (*word - (stack - 2 * MAX_STACK) < 4 * (uint64_t)MAX_STACK || (*word >= began && *word <= ended)) *word = 1;
}

// Writes the image with this applet evaluated, for the build; nothing of this process but its heap is in it. The bytecode
// comes as stdin, a file: a binary with the image needs none.
static _Noreturn void freeze(const Applet *applet) {
  struct stat code;
  if (!applet || image.applet || fstat(STDIN_FILENO, &code) < 0) _exit(NO_COMMAND);
  const void *bytecode = mmap(NULL, (size_t)code.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
  uint64_t began = (uint64_t)(clock_ms(CLOCK_REALTIME) * 1e3);
  image.ctx = new_context();
  uint64_t ended = (uint64_t)(clock_ms(CLOCK_REALTIME) * 1e3) + 1;
  fit_stack(JS_GetRuntime(image.ctx));
  if (bytecode == MAP_FAILED || !evaluate(image.ctx, bytecode, (size_t)code.st_size)) _exit(INTERNAL_ERROR);
  image.applet = applet;
  JS_RunGC(JS_GetRuntime(image.ctx));
  if (!heap_is_image()) say("shipshape: cannot freeze %s: IMAGE_ROOM in native.h is too small\n", applet->name);
  forget_run(began, ended);
  bool written = heap_is_image() && fwrite(&image, sizeof image, 1, stdout) == 1 && fflush(stdout) == 0;
  _exit(written ? 0 : INTERNAL_ERROR);
}

// The applet that a link names: /etc/init.d/NAME, which is a link to sv.
static const Applet *find_linked(const char *path) {
  char target[PATH_MAX];
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return NULL;
  target[length] = 0;
  return find_applet(target);
}

// By the name we are called by, else by the name that a link with this name leads to, else by the first argument.
static const Applet *choose_applet(char **argv) {
  for (int k = 0; k < 2 && argv[k]; k++) {
    origin.argv = argv + k;
    const Applet *applet = find_applet(argv[k]);
    if (!applet && k == 0) applet = find_linked(argv[k]);
    if (applet) return applet;
    if (strcmp(argv[k], "--freeze") == 0 && argv[k + 1]) freeze(find_applet(argv[k + 1]));
  }
  say("shipshape: no such command: '%s'. Commands:", origin.argv ? origin.argv[0] : "");
  for (size_t i = 0; applets[i].name; i++) say(" %s", applets[i].name);
  say("\n");
  _exit(NO_COMMAND);
}

int main(UNUSED int argc, char **argv) {
  // PID 1 loses a signal that comes before it can handle it, another process dies of it; a blocked one waits until last_resort_arm.
  set_mask(&every_signal, &origin.mask);
  origin.blocked = every_signal;
  for (size_t i = 0; i < COUNT(crash_signals); i++) sigdelset(&origin.blocked, crash_signals[i]);
  // Descriptors 0 to 2 exist, so that no file we open becomes somebody's stdout.
  int fd;
  while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd < 3) continue;
  close(fd);

  getrlimit(RLIMIT_NOFILE, &origin.open_files);
  const Applet *applet = choose_applet(argv);
  char *resume = getenv("SHIPSHAPE_RESUME");
  int numbers[3] = {-1};  // descriptor, crashes, pid
  for (size_t i = 0; resume && i < COUNT(numbers); i++, resume += *resume == ',') numbers[i] = (int)strtol(resume, &resume, 10);
  bool resumes = numbers[2] == getpid();  // else the variable is somebody else's
  int crashes = resumes ? numbers[1] : 0;
  if (resumes && numbers[0] > STDERR_FILENO && fcntl(numbers[0], F_GETFD) >= 0) origin.resume_fd = numbers[0];
  unsetenv("SHIPSHAPE_RESUME");
  if (image.applet && image.applet != applet) heap_leave_image();
  JSContext *ctx = image.applet == applet ? image.ctx : new_context();
  fit_stack(JS_GetRuntime(ctx));
  sys_install_origin(ctx);  // before the last resort adds to the environment
  if (applet->daemon) {
    // SIGCHLD ignored by whoever started us would lose every exit status.
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigdelset(&origin.blocked, SIGPIPE);  // one that is blocked would be kept for signalfd, ignored or not
    prctl(PR_SET_NAME, applet->name);  // after a restart the kernel names us after a descriptor
    last_resort_arm(argv, crashes);
  } else {
    set_mask(&origin.mask, NULL);
  }
  run_applet(ctx, applet);
}
