/*
 * Memory that was valid in the previous call. For operations in place, the driver checks the pages that it got: the
 * result, and the session afterwards, are the same as if the memory had never been valid. It does not check other
 * destinations.
 */
#define _GNU_SOURCE
#include "cryptodev.h"
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PAGE = 4096, SIZE = 3 * PAGE };
#define CRASH ENOTRECOVERABLE
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static uint8_t *map(int flags, int file) {
  uint8_t *pages = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, file, 0);
  REQUIRE(pages != MAP_FAILED);
  return pages;
}

static uint8_t *fresh(void) { return map(MAP_PRIVATE | MAP_ANONYMOUS, -1); }

static uint32_t start(int fd, uint32_t cipher, uint32_t mac) {
  uint8_t key[20];
  count_from(0, key, sizeof key);
  struct session_op session = {.cipher = cipher, .keylen = 16, .key = key};
  if (mac != 0) session.mac = mac, session.mackeylen = sizeof key, session.mackey = key;
  REQUIRE(ioctl(fd, CIOCGSESSION, &session) == 0);
  return session.ses;
}

/** Returns the state of a session after an operation in place failed: its next iv, and its next digest. */
static void after(int fd, uint8_t *pages, int was_good, int readable_from, uint8_t result[36]) {
  uint32_t ses = start(fd, CRYPTO_AES_CBC, CRYPTO_SHA1_HMAC);
  uint8_t iv[16] = {1}, mac[20];
  struct crypt_op op = {.ses = ses, .len = SIZE, .src = pages, .dst = pages, .iv = iv, .mac = mac,
                        .flags = COP_FLAG_RESET | COP_FLAG_UPDATE};
  if (was_good) REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
  count_from(0, pages, SIZE);
  REQUIRE(mprotect(pages + readable_from, SIZE - readable_from, PROT_READ) == 0);
  for (int round = 0; round < 2; round += 1) {
    REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
    op.flags = COP_FLAG_UPDATE;
  }
  REQUIRE(mprotect(pages, SIZE, PROT_READ | PROT_WRITE) == 0);
  memset(result, 0, 16);
  struct crypt_op next = {.ses = ses, .len = 16, .src = result, .dst = result, .mac = result + 16, .flags = COP_FLAG_FINAL};
  REQUIRE(ioctl(fd, CIOCCRYPT, &next) == 0);
}

static void in_place(int fd) {
  for (int readable_from = 0; readable_from < SIZE; readable_from += PAGE) {
    uint8_t *first = fresh(), *second = fresh(), expected[36], actual[36];
    after(fd, first, 0, readable_from, expected);
    after(fd, second, 1, readable_from, actual);
    REQUIRE(memcmp(expected, actual, sizeof actual) == 0);
    REQUIRE(memcmp(first, second, SIZE) == 0);
  }
}

/** Operations in place of CIOCAUTHCRYPT, which fail with EINVAL. */
static void authenticated(int fd) {
  struct { uint32_t cipher, mac; uint16_t flags; uint32_t tag_len; } kinds[] = {
    {CRYPTO_AES_GCM, 0, 0, 16},
    {CRYPTO_AES_CBC, CRYPTO_SHA1_HMAC, COP_FLAG_AEAD_TLS_TYPE, 20},
    {CRYPTO_AES_CTR, CRYPTO_SHA1_HMAC, COP_FLAG_AEAD_SRTP_TYPE, 10},
  };
  for (int kind = 0; kind < 3; kind += 1) {
    uint32_t ses = start(fd, kinds[kind].cipher, kinds[kind].mac);
    uint8_t *pages = fresh(), iv[16] = {1}, tag[20];
    struct crypt_auth_op good = {.ses = ses, .len = PAGE + 64, .src = pages, .dst = pages, .iv = iv, .iv_len = 16, .tag = tag,
                                 .flags = kinds[kind].flags, .tag_len = kinds[kind].tag_len}, op = good;
    if (op.flags == COP_FLAG_AEAD_SRTP_TYPE) good.auth_src = pages, good.auth_len = good.len;
    op = good;
    REQUIRE(ioctl(fd, CIOCAUTHCRYPT, &op) == 0);
    memset(pages, 0x5a, SIZE);
    for (int writable = 0; writable <= PAGE; writable += PAGE) {
      REQUIRE(mprotect(pages, SIZE, PROT_READ) == 0 && mprotect(pages, writable + 1, PROT_READ | (writable > 0 ? PROT_WRITE : 0)) == 0);
      if (writable > 0) REQUIRE(mprotect(pages + PAGE, SIZE - PAGE, PROT_READ) == 0);
      op = good;
      REFUSED(ioctl(fd, CIOCAUTHCRYPT, &op), EINVAL);
      for (int index = 0; index < SIZE; index += 1) REQUIRE(pages[index] == 0x5a);
    }
  }
}

/** Destinations that are mapped and writable, but whose pages the kernel does not get. */
static void unpinnable(int fd, uint8_t *pages, const char *name) {
  uint8_t data[64] = {0}, iv[16] = {0}, mac[20];
  uint32_t cbc = start(fd, CRYPTO_AES_CBC, 0), gcm = start(fd, CRYPTO_AES_GCM, 0), sha1 = start_hash(fd, CRYPTO_SHA1);
  struct crypt_op op = {.ses = cbc, .len = sizeof data, .src = data, .dst = pages, .iv = iv};
  REFUSED(ioctl(fd, CIOCCRYPT, &op), CRASH);
  struct crypt_auth_op auth = {.ses = gcm, .len = sizeof data, .src = data, .dst = pages, .iv = iv};
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &auth), CRASH);
  struct crypt_op hash = {.ses = sha1, .len = sizeof data, .src = data, .dst = pages, .mac = mac};
  REFUSED(ioctl(fd, CIOCCRYPT, &hash), CRASH);
  hash.op = COP_DECRYPT;
  REFUSED(ioctl(fd, CIOCCRYPT, &hash), CRASH);
  printf("%s crashes\n", name);
  /* With a copy it is only an error. Secret memory can be copied to; only its pages cannot be pinned. */
  if (strcmp(name, "secret") == 0) return;
  op.flags = COP_FLAG_NO_ZC;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  op.flags = 0, op.src = op.dst = pages;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]);
  in_place(fd);
  authenticated(fd);

  int file = memfd_create("file", 0);
  REQUIRE(file >= 0 && ftruncate(file, SIZE) == 0);
  uint8_t *truncated = map(MAP_SHARED, file);
  truncated[0] = 1;
  REQUIRE(ftruncate(file, 0) == 0);
  unpinnable(fd, truncated, "truncated");

#ifdef SYS_memfd_secret
  int secret = syscall(SYS_memfd_secret, 0);
  if (secret >= 0) {
    REQUIRE(ftruncate(secret, SIZE) == 0);
    unpinnable(fd, map(MAP_SHARED, secret), "secret");
  }
#endif
  uint8_t *guarded = fresh();
  if (madvise(guarded, SIZE, MADV_GUARD_INSTALL) == 0) unpinnable(fd, guarded, "guarded");

  /* A valid page followed by an invalid one. */
  uint8_t *half = fresh(), data[64] = {0};
  if (madvise(half + PAGE, PAGE, MADV_GUARD_INSTALL) == 0) {
    struct crypt_op op = {.ses = start(fd, CRYPTO_AES_CBC, 0), .len = 64, .src = data, .dst = half + PAGE - 32};
    REFUSED(ioctl(fd, CIOCCRYPT, &op), CRASH);
  }
  return 0;
}
