// The heap: free lists by size over memory that is never given back, and a mapping for each large block. It takes the place
// of the C library's, which spends a third of the start and a system call per page. It never fails: QuickJS is not safe
// after a failed allocation.
#include "native.h"
#include <sys/mman.h>

enum { SMALL_CLASSES = 33, CHUNK = 8 << 10, LARGE = 16 << 10, LARGEST = 64 << 10 };

// Lies 8 bytes before a multiple of 16, so that what follows is aligned for everything.
typedef union Block {
  size_t kind;        // while in use: its class, or the bytes of its mapping
  union Block *next;  // while free
} Block;

// With a value, so that it lies in the file and not in what the kernel fills with zeros.
Image image __attribute__((aligned(4096), section(".data"))) = {.magic = "shipshape image"};
#define free_blocks image.free_blocks
#define fresh image.fresh
#define fresh_end image.fresh_end

static bool left_image;

#ifndef __SANITIZE_ADDRESS__  // which brings a heap of its own
// Steps of 16 bytes, then from 528 bytes on four to each power of two. Sizes are those of the whole block.
static size_t class_of(size_t bytes) {
  if (bytes <= 16 * SMALL_CLASSES) return (bytes - 1) / 16;
  size_t power = 63 - (size_t)__builtin_clzl(bytes - 1);
  return SMALL_CLASSES + 4 * (power - 9) + ((bytes - 1) >> (power - 2) & 3);
}

static size_t bytes_of(size_t kind) {
  if (kind >= HEAP_CLASSES) return kind;
  size_t large = kind - SMALL_CLASSES;
  return kind < SMALL_CLASSES ? 16 * (kind + 1) : (5 + large % 4) << (large / 4 + 7);
}

static char *map(size_t bytes) {
  left_image = true;
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory != MAP_FAILED) return memory;
  say("*** %s is out of memory\n", origin.argv[0]);
  last_resort_restart(true);
}

static void use_chunk(char *chunk, size_t bytes) {
  fresh = chunk + 8;
  fresh_end = chunk + bytes - 8;
}

static Block *carve(size_t bytes) {
  if (!fresh) use_chunk(image.room, sizeof image.room);
  if ((size_t)(fresh_end - fresh) < bytes) {
    size_t chunk = bytes + 16 < CHUNK ? CHUNK : (bytes + 16 + 4095) & ~(size_t)4095;
    use_chunk(map(chunk), chunk);
  }
  Block *block = (Block *)fresh;
  fresh += bytes;
  return block;
}

static void *allocate(size_t size) {
  if (size > (left_image ? LARGE : LARGEST)) {
    size_t bytes = (size + 16 + 4095) & ~(size_t)4095;
    Block *block = (Block *)(map(bytes > size ? bytes : SIZE_MAX) + 8);
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
  if (kind >= HEAP_CLASSES) {
    munmap((char *)block - 8, kind);
    return;
  }
  block->next = free_blocks[kind];
  free_blocks[kind] = block;
}

size_t malloc_usable_size(void *memory) {
  if (!memory) return 0;
  size_t kind = ((Block *)memory)[-1].kind;
  return kind >= HEAP_CLASSES ? kind - 16 : bytes_of(kind) - sizeof(Block);
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

#endif

bool heap_is_image(void) { return !left_image; }

void heap_leave_image(void) {
  memset(free_blocks, 0, sizeof free_blocks);
  fresh = fresh_end = image.room + sizeof image.room;
  left_image = true;
}
