/*
 * A 32-bit program on a 64-bit kernel. Compiled for x86-64, it enters the kernel as a 32-bit program does, with int 0x80, so that
 * the test does not depend on a 32-bit C library; all memory is then below 4 GiB.
 */
#include "cryptodev.h"
#include <sys/mman.h>

/* The structs and requests, with pointers of 4 bytes. */
struct session_op32 {
  uint32_t cipher, mac, keylen, key, mackeylen, mackey, ses;
};
struct crypt_op32 {
  uint32_t ses;
  uint16_t op, flags;
  uint32_t len, src, dst, mac, iv;
};
#define CIOCGSESSION32 _IOWR('c', 102, struct session_op32)
#define CIOCCRYPT32 _IOWR('c', 104, struct crypt_op32)
/* Of 44 bytes: crypt_auth_op. */
#define CIOCAUTHCRYPT32 _IOC(_IOC_READ | _IOC_WRITE, 'c', 109, 44)

#define ADDRESS(pointer) ((uint32_t)(uintptr_t)(pointer))

static int call(int fd, uint32_t request, void *argument) {
#ifdef __i386__
  return ioctl(fd, request, argument);
#else
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(54L), "b"((long)fd), "c"((long)request), "d"(argument)
                   : "memory", "r8", "r9", "r10", "r11");
  if ((int)result >= 0) return (int)result;
  errno = -(int)result;
  return -1;
#endif
}

/** Memory that all calls share. */
struct shared {
  struct session_op32 session;
  struct crypt_op32 op;
  struct session_info_op info;
  struct cphash_op copy;
  uint32_t value;
  int clone;
  uint8_t key[16], iv[16], plaintext[64], ciphertext[64], digest[20];
};

int main(int count, char **arguments) {
  REQUIRE(count >= 2);
  int low = 0;
#ifndef __i386__
  low = MAP_32BIT;
#endif
  struct shared *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | low, -1, 0);
  REQUIRE(all != MAP_FAILED);
  int fd = open_device(arguments[1]);

  count_from(0, all->key, sizeof all->key);
  all->session = (struct session_op32){.cipher = CRYPTO_AES_CBC, .keylen = sizeof all->key, .key = ADDRESS(all->key)};
  all->session.mac = CRYPTO_SHA1;
  REQUIRE(call(fd, CIOCGSESSION32, &all->session) == 0);
  all->info.ses = all->session.ses;
  REQUIRE(call(fd, CIOCGSESSINFO, &all->info) == 0);
  REQUIRE(strcmp(all->info.cipher_info.cra_name, "cbc(aes)") == 0 && strcmp(all->info.hash_info.cra_name, "sha1") == 0);

  count_from(100, all->plaintext, sizeof all->plaintext);
  count_from(200, all->iv, sizeof all->iv);
  all->op = (struct crypt_op32){.ses = all->session.ses, .len = sizeof all->plaintext, .flags = COP_FLAG_WRITE_IV};
  all->op.src = ADDRESS(all->plaintext), all->op.dst = ADDRESS(all->ciphertext);
  all->op.mac = ADDRESS(all->digest), all->op.iv = ADDRESS(all->iv);
  REQUIRE(call(fd, CIOCCRYPT32, &all->op) == 0);
  show("ciphertext", all->ciphertext, sizeof all->ciphertext);
  show("iv", all->iv, sizeof all->iv);

  all->value = 7;
  REQUIRE(call(fd, CIOCASYMFEAT, &all->value) == 0 && all->value == 0);
  all->op.src = 8;
  REFUSED(call(fd, CIOCCRYPT32, &all->op), EFAULT);
  REFUSED(call(fd, CIOCGSESSION32, (void *)8), EFAULT);

  /* The driver's compat handler does not have these, nor the requests of 64-bit programs. */
  all->copy = (struct cphash_op){.dst_ses = all->session.ses, .src_ses = all->session.ses};
  REFUSED(call(fd, CIOCCPHASH, &all->copy), EINVAL);
  REFUSED(call(fd, CIOCAUTHCRYPT32, &all->info), EINVAL);
  REFUSED(call(fd, _IOC(_IOC_READ | _IOC_WRITE, 'c', 104, 48), &all->info), EINVAL);

#ifndef __i386__
  /* The same open file has the session for 64-bit calls too. */
  struct crypt_op back = {.ses = all->session.ses, .op = COP_DECRYPT, .len = 64};
  back.src = back.dst = all->ciphertext, back.mac = all->digest;
  uint8_t iv[16];
  count_from(200, iv, sizeof iv), back.iv = iv;
  REQUIRE(ioctl(fd, CIOCCRYPT, &back) == 0);
  REQUIRE(memcmp(all->ciphertext, all->plaintext, sizeof all->plaintext) == 0);
#endif

  /* With a second argument, `serve` has started this program. */
  all->clone = -1;
  if (count == 2) REFUSED(call(fd, CRIOGET, &all->clone), EOPNOTSUPP);
  else REQUIRE(call(fd, CRIOGET, &all->clone) == 0 && call(all->clone, CIOCGSESSINFO, &all->info) == 0);

  REQUIRE(call(fd, CIOCFSESSION, &all->session.ses) == 0);
  REFUSED(call(fd, CIOCGSESSINFO, &all->info), EINVAL);
  return 0;
}
