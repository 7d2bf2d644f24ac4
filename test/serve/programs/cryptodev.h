/*
 * Shared by the programs in C: the interface of /dev/crypto, checks, output, and the start of sessions. Each program is
 * compiled only with this file, that interface and the C library.
 */
#ifndef TEST_CRYPTODEV_H
#define TEST_CRYPTODEV_H

#include "../../abi/crypto/cryptodev.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Ends the program unless a condition is true. */
#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno, strerror(errno));           \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

/** Ends the program unless a call fails with this error. */
#define REFUSED(call, error) REQUIRE((errno = 0, (call) == -1 && errno == (error)))

/** Prints bytes with a name, for the test to compare. */
static inline void show(const char *name, const uint8_t *bytes, size_t size) {
  printf("%s ", name);
  for (size_t index = 0; index < size; index += 1) printf("%02x", bytes[index]);
  printf("\n");
}

/** Fills memory with the bytes first, first + 1, first + 2 and so on. */
static inline void count_from(uint8_t first, uint8_t *bytes, size_t size) {
  for (size_t index = 0; index < size; index += 1) bytes[index] = (uint8_t)(first + index);
}

static inline int open_device(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0);
  return fd;
}

/** Starts a session with AES-128 and the key 00, 01, 02 and so on. */
static inline uint32_t start_aes(int fd, uint32_t cipher) {
  uint8_t key[16];
  count_from(0, key, sizeof key);
  struct session_op session = {.cipher = cipher, .keylen = sizeof key, .key = key};
  REQUIRE(ioctl(fd, CIOCGSESSION, &session) == 0);
  return session.ses;
}

static inline uint32_t start_hash(int fd, uint32_t mac) {
  struct session_op session = {.mac = mac};
  REQUIRE(ioctl(fd, CIOCGSESSION, &session) == 0);
  return session.ses;
}

#endif
