/*
 * The interface of /dev/crypto as far as these programs use it, under the names of its own header, which this machine
 * need not have. Each program is compiled with this file alone and the C library.
 */
#ifndef TEST_CRYPTODEV_H
#define TEST_CRYPTODEV_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CRYPTO_MD5_HMAC = 6, CRYPTO_AES_CBC = 11, CRYPTO_SHA1 = 14, CRYPTO_AES_GCM = 50, CRYPTO_SHA2_256 = 104 };
enum { COP_ENCRYPT = 0, COP_DECRYPT = 1 };
enum { COP_FLAG_UPDATE = 1, COP_FLAG_FINAL = 2, COP_FLAG_NO_ZC = 8, COP_FLAG_RESET = 64 };

struct session_op {
  uint32_t cipher, mac, keylen;
  uint8_t *key;
  uint32_t mackeylen;
  uint8_t *mackey;
  uint32_t ses;
};

struct session_info_op {
  uint32_t ses;
  char names[4][64];
  uint16_t alignmask;
  uint32_t flags;
};

struct crypt_op {
  uint32_t ses;
  uint16_t op, flags;
  uint32_t len;
  uint8_t *src, *dst, *mac, *iv;
};

struct crypt_auth_op {
  uint32_t ses;
  uint16_t op, flags;
  uint32_t len, auth_len;
  uint8_t *auth_src, *src, *dst, *tag;
  uint32_t tag_len;
  uint8_t *iv;
  uint32_t iv_len;
};

struct cphash_op {
  uint32_t dst_ses, src_ses;
};

#define CRIOGET _IOWR('c', 101, uint32_t)
#define CIOCGSESSION _IOWR('c', 102, struct session_op)
#define CIOCFSESSION _IOW('c', 103, uint32_t)
#define CIOCCRYPT _IOWR('c', 104, struct crypt_op)
#define CIOCGSESSINFO _IOWR('c', 107, struct session_info_op)
#define CIOCAUTHCRYPT _IOWR('c', 109, struct crypt_auth_op)
#define CIOCASYNCCRYPT _IOW('c', 110, struct crypt_op)
#define CIOCASYNCFETCH _IOR('c', 111, struct crypt_op)
#define CIOCCPHASH _IOW('c', 112, struct cphash_op)

/** Ends the program unless a condition holds. */
#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno, strerror(errno));           \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

/** Ends the program unless a call fails with this error. */
#define REFUSED(call, error) REQUIRE((errno = 0, (call) == -1 && errno == (error)))

/** Prints bytes under a name, for the test to compare. */
static inline void show(const char *name, const uint8_t *bytes, size_t size) {
  printf("%s ", name);
  for (size_t index = 0; index < size; index += 1) printf("%02x", bytes[index]);
  printf("\n");
}

/** The bytes first, first + 1, first + 2 and so on. */
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
