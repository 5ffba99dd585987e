// main: signals first, then the applet's bytecode, then its turns for ever.
#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FAILED_TURNS = 16, TURN_MS = 5000, INTERNAL_ERROR = 111, UNKNOWN_APPLET = 127, COMPLAINTS_PER_MINUTE = 20 };

static const char resume_name[] = "SHIPSHAPE_RESUME=";
static const rlim_t max_stack = 4 << 20;

Origin origin = {.resume_fd = -1};

static int64_t clock_ms(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- memory: QuickJS is not safe after a failed allocation, so none fails ----

static void *must(void *memory) {
  if (memory) return memory;
  say("*** ", origin.argv[0], ": out of memory\n", NULL);
  last_resort_restart(true);
}

static void *allocate(JSMallocState *state, size_t size) {
  void *memory = must(malloc(size));
  state->malloc_count++;
  state->malloc_size += malloc_usable_size(memory);
  return memory;
}

static void release(JSMallocState *state, void *memory) {
  if (!memory) return;
  state->malloc_count--;
  state->malloc_size -= malloc_usable_size(memory);
  free(memory);
}

static void *reallocate(JSMallocState *state, void *memory, size_t size) {
  if (!memory) return size ? allocate(state, size) : NULL;
  if (size == 0) {
    release(state, memory);
    return NULL;
  }
  size_t before = malloc_usable_size(memory);
  memory = must(realloc(memory, size));
  state->malloc_size += malloc_usable_size(memory) - before;
  return memory;
}

static size_t usable_size(const void *memory) {
  return malloc_usable_size((void *)(uintptr_t)memory);
}

static const JSMallocFunctions memory_functions = {allocate, release, reallocate, usable_size};

// ---- errors ----

static void complain(JSContext *ctx, JSValueConst error) {
  static int64_t minute = -1;
  static int complaints;
  int64_t now = clock_ms(CLOCK_MONOTONIC) / 60000;
  if (now != minute) {
    minute = now;
    complaints = 0;
  }
  if (++complaints > COMPLAINTS_PER_MINUTE) return;
  JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
  const char *text = JS_ToCString(ctx, error);
  const char *where = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
  say("*** ", origin.argv[0], ": internal error: ", text ? text : "?", "\n", where ? where : "", NULL);
  if (complaints == COMPLAINTS_PER_MINUTE) say("*** Further internal errors are not shown for a minute.\n", NULL);
  JS_FreeCString(ctx, where);
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, stack);
}

static void complain_exception(JSContext *ctx) {
  JSValue error = JS_GetException(ctx);
  complain(ctx, error);
  JS_FreeValue(ctx, error);
}

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void *opaque) {
  (void)promise, (void)opaque;
  if (!handled) complain(ctx, reason);
}

// ---- turns ----

static int64_t turn_started = -1;  // none while the script is evaluated

// Processor time: waiting for events, a frozen container and a busy machine do not count.
static int on_interrupt(JSRuntime *rt, void *opaque) {
  (void)rt, (void)opaque;
  return turn_started >= 0 && clock_ms(CLOCK_PROCESS_CPUTIME_ID) - turn_started > TURN_MS;
}

static bool run_jobs(JSRuntime *rt) {
  JSContext *ctx;
  int result;
  while ((result = JS_ExecutePendingJob(rt, &ctx)) > 0) continue;
  if (result < 0) complain_exception(ctx);
  return result == 0;
}

static _Noreturn void run_turns(JSContext *ctx, JSValueConst tick) {
  for (int failed = 0; failed < MAX_FAILED_TURNS;) {
    turn_started = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    JSValue result = JS_Call(ctx, tick, JS_UNDEFINED, 0, NULL);
    bool ok = !JS_IsException(result);
    if (!ok) complain_exception(ctx);
    JS_FreeValue(ctx, result);
    ok = run_jobs(JS_GetRuntime(ctx)) && ok;
    failed = ok ? 0 : failed + 1;
  }
  say("*** ", origin.argv[0], ": too many internal errors, starting again in place\n", NULL);
  last_resort_restart(true);
}

static JSContext *new_context(void) {
  JSRuntime *rt = JS_NewRuntime2(&memory_functions, NULL);
  struct rlimit stack;
  getrlimit(RLIMIT_STACK, &stack);
  JS_SetMaxStackSize(rt, stack.rlim_cur / 2 < max_stack ? stack.rlim_cur / 2 : max_stack);
  JS_SetInterruptHandler(rt, on_interrupt, NULL);
  JS_SetHostPromiseRejectionTracker(rt, on_rejection, NULL);
  JSContext *ctx = JS_NewContextRaw(rt);
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx);
  return ctx;
}

static _Noreturn void run_applet(const Applet *applet) {
  JSContext *ctx = new_context();
  bool ok = sys_install(ctx) == 0;
  if (ok) {
    JSValue result = JS_EvalFunction(ctx, JS_ReadObject(ctx, applet->bytecode, applet->size, JS_READ_OBJ_BYTECODE));
    ok = !JS_IsException(result);
    JS_FreeValue(ctx, result);
  }
  if (!ok) complain_exception(ctx);
  ok = ok && run_jobs(JS_GetRuntime(ctx));
  if (!ok && applet->daemon) last_resort_reap();
  if (!ok) _exit(INTERNAL_ERROR);
  JSValue global = JS_GetGlobalObject(ctx);
  JSValue tick = JS_GetPropertyStr(ctx, global, "tick");
  JS_FreeValue(ctx, global);
  if (!JS_IsFunction(ctx, tick)) _exit(0);
  run_turns(ctx, tick);
}

// ---- start ----

// PID 1 loses every signal that comes before it can handle it; blocked ones wait.
static void block_signals(void) {
  sigset_t blocked;
  sigfillset(&blocked);
  for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals; i++) sigdelset(&blocked, crash_signals[i]);
  sigprocmask(SIG_SETMASK, &blocked, &origin.mask);
}

// Descriptors 0 to 2 exist, so that no file we open becomes somebody's stdout.
static void open_stdio(void) {
  for (int fd = 0; fd < 3; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return;
  }
}

// Returns the resume variable's value and takes it out.
static const char *take_resume(char **environ) {
  const char *value = NULL;
  char **kept = environ;
  for (char **entry = environ; *entry; entry++) {
    if (strncmp(*entry, resume_name, sizeof resume_name - 1) == 0) {
      value = *entry + sizeof resume_name - 1;
    } else {
      *kept++ = *entry;
    }
  }
  *kept = NULL;
  return value;
}

static const Applet *find_applet(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  for (size_t i = 0; i < applet_count; i++) {
    if (strcmp(applets[i].name, name) == 0) return &applets[i];
  }
  return NULL;
}

static _Noreturn void usage(const char *name) {
  say("shipshape: cannot run '", name, "': no such command. Commands:", NULL);
  for (size_t i = 0; i < applet_count; i++) say(" ", applets[i].name, NULL);
  say("\n", NULL);
  _exit(UNKNOWN_APPLET);
}

int main(int argc, char **argv, char **environ) {
  block_signals();
  open_stdio();
  getrlimit(RLIMIT_NOFILE, &origin.open_files);
  const char *resume = take_resume(environ);
  origin.environ = environ;
  const Applet *applet = argc > 0 ? find_applet(argv[0]) : NULL;
  origin.argv = argv;
  if (!applet && argc > 1 && (applet = find_applet(argv[1]))) origin.argv = argv + 1;
  if (!applet) usage(argc > 1 ? argv[1] : argc > 0 ? argv[0] : "");

  if (applet->daemon) {
    // SIGCHLD ignored by our parent would lose every exit status.
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    // After a restart the kernel names us after a descriptor.
    prctl(PR_SET_NAME, applet->name);
  } else {
    sigprocmask(SIG_SETMASK, &origin.mask, NULL);
  }
  last_resort_arm(applet->daemon, argv, resume);
  run_applet(applet);
}
