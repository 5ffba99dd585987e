// The heap: free lists by size over memory that is never given back, and a mapping for each large block. It takes the place
// of the C library's, which spends a third of the start and a system call per page. It never fails: QuickJS is not safe
// after a failed allocation.
#include "native.h"
#include <sys/mman.h>

enum { SMALL_CLASSES = 33, CLASSES = SMALL_CLASSES + 32, CHUNK = 32 << 10, LARGE = 16 << 10 };

// Lies 8 bytes before a multiple of 16, so that what follows is aligned for everything.
typedef union Block {
  size_t kind;        // while in use: its class, or the bytes of its mapping
  union Block *next;  // while free
} Block;

static Block *free_blocks[CLASSES];
static char *fresh, *fresh_end;

// Steps of 16 bytes, then from 528 bytes on four to each power of two. Sizes are those of the whole block.
static size_t class_of(size_t bytes) {
  if (bytes <= 16 * SMALL_CLASSES) return (bytes - 1) / 16;
  size_t power = 63 - (size_t)__builtin_clzl(bytes - 1);
  return SMALL_CLASSES + 4 * (power - 9) + ((bytes - 1) >> (power - 2) & 3);
}

static size_t bytes_of(size_t kind) {
  if (kind >= CLASSES) return kind;
  size_t large = kind - SMALL_CLASSES;
  return kind < SMALL_CLASSES ? 16 * (kind + 1) : (5 + large % 4) << (large / 4 + 7);
}

static Block *map(size_t bytes) {
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory != MAP_FAILED) return (Block *)(memory + 8);
  say("*** %s is out of memory\n", origin.argv[0]);
  last_resort_restart(true);
}

static Block *carve(size_t bytes) {
  if ((size_t)(fresh_end - fresh) < bytes) {
    fresh = (char *)map(CHUNK);
    fresh_end = fresh + CHUNK - 16;
  }
  Block *block = (Block *)fresh;
  fresh += bytes;
  return block;
}

static void *allocate(size_t size) {
  if (size > LARGE) {
    size_t bytes = (size + 16 + 4095) & ~(size_t)4095;
    Block *block = map(bytes > size ? bytes : SIZE_MAX);
    block->kind = bytes;
    return block + 1;
  }
  size_t kind = class_of(size + sizeof(Block));
  Block *block = free_blocks[kind];
  if (block) free_blocks[kind] = block->next;
  else block = carve(bytes_of(kind));
  block->kind = kind;
  return block + 1;
}

void *malloc(size_t size) { return allocate(size); }

void free(void *memory) {
  if (!memory) return;
  Block *block = (Block *)memory - 1;
  size_t kind = block->kind;
  if (kind >= CLASSES) {
    munmap((char *)block - 8, kind);
    return;
  }
  block->next = free_blocks[kind];
  free_blocks[kind] = block;
}

size_t malloc_usable_size(void *memory) {
  if (!memory) return 0;
  size_t kind = ((Block *)memory)[-1].kind;
  return kind >= CLASSES ? kind - 16 : bytes_of(kind) - sizeof(Block);
}

void *calloc(size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) return NULL;
  return memset(allocate(count * size), 0, count * size);
}

void *realloc(void *memory, size_t size) {
  size_t old = malloc_usable_size(memory);
  if (memory && size <= old && size >= old / 2) return memory;
  void *moved = allocate(size);
  if (memory) memcpy(moved, memory, size < old ? size : old);
  free(memory);
  return moved;
}
