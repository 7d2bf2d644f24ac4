/*
 * Counts copies of secrets in the memory of a process: scan pid secret... Each secret is hexadecimal and inverted.
 * Prints one line for each secret.
 */
#define _GNU_SOURCE
#include "cryptodev.h"
#include <sys/uio.h>

enum { CHUNK = 1 << 20, PAGE = 4096, LONGEST = 128 };

/** Whether any page of a chunk was ever used: runtimes reserve gigabytes that they do not use. */
static int is_touched(int pagemap, unsigned long at) {
  static uint64_t pages[CHUNK / PAGE];
  ssize_t size = pread(pagemap, pages, sizeof pages, at / PAGE * sizeof *pages);
  for (ssize_t index = 0; index < size / (ssize_t)sizeof *pages; index += 1)
    if (pages[index] >> 62 != 0) return 1;
  return size <= 0;
}

static size_t parse(const char *text, uint8_t *bytes) {
  size_t size = strlen(text) / 2;
  REQUIRE(size >= 8 && size <= LONGEST);
  for (size_t index = 0; index < size; index += 1) {
    unsigned byte;
    REQUIRE(sscanf(text + 2 * index, "%2x", &byte) == 1);
    bytes[index] = (uint8_t)~byte;
  }
  return size;
}

int main(int count, char **arguments) {
  REQUIRE(count >= 3);
  pid_t pid = atoi(arguments[1]);
  int *found = calloc(count, sizeof *found);
  uint8_t(*secrets)[LONGEST] = calloc(count, LONGEST);
  size_t *lengths = calloc(count, sizeof *lengths);
  uint8_t *chunk = malloc(CHUNK + LONGEST);
  REQUIRE(secrets != NULL && lengths != NULL);
  for (int secret = 2; secret < count; secret += 1) lengths[secret] = parse(arguments[secret], secrets[secret]);
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
  int pagemap = open(path, O_RDONLY);
  REQUIRE(found != NULL && chunk != NULL && maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    char permissions[5];
    REQUIRE(sscanf(line, "%lx-%lx %4s", &start, &end, permissions) == 3);
    if (permissions[0] != 'r') continue;
    for (unsigned long at = start; at < end; at += CHUNK) {
      if (!is_touched(pagemap, at)) continue;
      size_t size = end - at < CHUNK + LONGEST ? end - at : CHUNK + LONGEST;
      struct iovec local = {chunk, size}, remote = {(void *)at, size};
      ssize_t arrived = process_vm_readv(pid, &local, 1, &remote, 1, 0);
      for (int secret = 2; arrived > 0 && secret < count; secret += 1) {
        const uint8_t *bytes = secrets[secret];
        size_t length = lengths[secret];
        uint8_t *limit = chunk + arrived, *next = chunk;
        while ((next = memmem(next, limit - next, bytes, length)) != NULL && next < chunk + CHUNK) {
          found[secret] += 1;
          if (getenv("VERBOSE") != NULL) fprintf(stderr, "%s at %lx in %s", arguments[secret], at + (next - chunk), line);
          next += 1;
        }
      }
    }
  }
  for (int secret = 2; secret < count; secret += 1) printf("%d\n", found[secret]);
  return 0;
}
