/* Memory that is not mapped, not readable, not writable, or too short. */
#include "cryptodev.h"
#include <sys/mman.h>

enum { PAGE = 4096 };
/** The error that a server returns for a call that would crash a kernel. */
#define CRASH ENOTRECOVERABLE

static uint8_t *map(int protection) {
  uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  memset(pages, 0x5a, 2 * PAGE);
  REQUIRE(mprotect(pages, 2 * PAGE, protection) == 0);
  return pages;
}

static int is_untouched(const uint8_t *pages) {
  for (int index = 0; index < 2 * PAGE; index += 1)
    if (pages[index] != 0x5a) return 0;
  return 1;
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]);
  uint32_t ses = start_aes(fd, CRYPTO_AES_CBC), sha1 = start_hash(fd, CRYPTO_SHA1);
  uint8_t data[64] = {0}, iv[16] = {0};
  uint8_t *readable = map(PROT_READ), *nothing = map(PROT_NONE), *writable = map(PROT_READ | PROT_WRITE);
  uint8_t *gone = map(PROT_READ | PROT_WRITE), *ending = map(PROT_READ | PROT_WRITE);
  REQUIRE(munmap(ending + PAGE, PAGE) == 0);

  struct crypt_op good = {.ses = ses, .len = 64, .src = data, .dst = writable, .iv = iv}, op = good;
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);

  /* Unreadable memory is not read, although a debugger could read it. */
  op = good, op.src = op.dst = nothing;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  op = good, op.iv = nothing;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  op = good, op.src = op.dst = ending + PAGE - 32;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);

  /* Read-only memory is not written. */
  op = good, op.src = op.dst = readable;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  op = good, op.dst = readable, op.flags = COP_FLAG_NO_ZC;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  struct crypt_op hash = {.ses = sha1, .len = 64, .src = data, .mac = readable};
  REFUSED(ioctl(fd, CIOCCRYPT, &hash), EFAULT);
  REQUIRE(is_untouched(readable));

  /* Bytes before the end of the memory are written. */
  uint8_t *last = map(PROT_READ | PROT_WRITE), digest[20];
  REQUIRE(munmap(last + PAGE, PAGE) == 0);
  hash.mac = digest;
  REQUIRE(ioctl(fd, CIOCCRYPT, &hash) == 0);
  hash.mac = last + PAGE - 7;
  REFUSED(ioctl(fd, CIOCCRYPT, &hash), EFAULT);
  REQUIRE(memcmp(last + PAGE - 7, digest, 7) == 0);
  op = good, op.dst = last + PAGE - 32, op.flags = COP_FLAG_NO_ZC;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  REQUIRE(memcmp(last + PAGE - 32, writable, 32) == 0);

  /* Calls that would crash a kernel. */
  op = good, op.dst = readable;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), CRASH);
  op = good, op.dst = ending + PAGE - 32;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), CRASH);
  REQUIRE(is_untouched(readable));

  /* Memory that was writable in the previous call. */
  op = good, op.dst = gone;
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
  REQUIRE(mprotect(gone, PAGE, PROT_READ) == 0);
  op = good, op.dst = gone;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), CRASH);
  REQUIRE(munmap(gone, 2 * PAGE) == 0);
  op = good, op.dst = gone;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), CRASH);

  /* The server reads these parts together, but reports a fault in each of them on its own. */
  uint8_t *begun = map(PROT_READ | PROT_WRITE);
  REQUIRE(munmap(begun + PAGE, PAGE) == 0);
  memset(begun, 0, PAGE);
  op = good, op.dst = data, op.src = begun + PAGE - 32, op.iv = begun + PAGE - 16;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  op = good, op.dst = data, op.src = begun + PAGE - 64, op.iv = begun + PAGE - 8;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  op = good, op.dst = data, op.src = begun + PAGE - 64, op.iv = begun + PAGE - 16;
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);

  uint8_t sealed[2][80];
  struct crypt_auth_op whole = {.ses = start_aes(fd, CRYPTO_AES_GCM), .len = 64, .auth_len = 20, .auth_src = begun,
                                .src = begun, .dst = sealed[0], .tag_len = 16, .iv = begun, .iv_len = 12}, part = whole;
  REQUIRE(ioctl(fd, CIOCAUTHCRYPT, &part) == 0);
  part = whole, part.dst = sealed[1], part.auth_src = begun + PAGE - 20, part.src = begun + PAGE - 64;
  REQUIRE(ioctl(fd, CIOCAUTHCRYPT, &part) == 0);
  REQUIRE(memcmp(sealed[0], sealed[1], sizeof sealed[0]) == 0);
  part = whole, part.src = begun + PAGE - 63;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &part), EINVAL);
  part = whole, part.auth_src = begun + PAGE - 19;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &part), EFAULT);
  part = whole, part.src = nothing, part.auth_src = nothing, part.iv = nothing;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &part), EFAULT);
  part = whole, part.src = nothing, part.auth_src = nothing;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &part), EINVAL);

  /* As much data as the server's own memory has room for, and more. */
  for (size_t size = 1 << 20; size <= 3 << 20; size += 1 << 20) {
    uint8_t *many = calloc(2, size);
    REQUIRE(many != NULL);
    count_from(1, many, size);
    op = good, op.src = many, op.dst = many + size, op.len = size;
    REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
    op.src = op.dst, op.op = COP_DECRYPT;
    REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
    REQUIRE(memcmp(many, many + size, size) == 0);
    free(many);
  }

  /* Operations of AEADs and records fail with EINVAL if those of ciphers fail with EFAULT. */
  struct crypt_auth_op gcm = {.ses = start_aes(fd, CRYPTO_AES_GCM), .len = 32, .src = readable, .dst = readable, .iv = iv};
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &gcm), EINVAL);
  gcm.src = nothing, gcm.dst = data;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &gcm), EINVAL);
  struct crypt_auth_op open = {.ses = ses, .op = COP_DECRYPT, .flags = COP_FLAG_AEAD_TLS_TYPE, .len = 64, .iv = iv};
  open.src = open.dst = readable;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &open), EINVAL);
  uint8_t key[16] = {0}, mackey[20] = {0}, tag[20];
  struct session_op record = {.cipher = CRYPTO_AES_CTR, .keylen = sizeof key, .key = key,
                              .mac = CRYPTO_SHA1_HMAC, .mackeylen = sizeof mackey, .mackey = mackey};
  REQUIRE(ioctl(fd, CIOCGSESSION, &record) == 0);
  struct crypt_auth_op packet = {.ses = record.ses, .flags = COP_FLAG_AEAD_SRTP_TYPE, .iv = iv, .tag = tag, .tag_len = 20};
  packet.auth_src = packet.src = packet.dst = readable, packet.auth_len = packet.len = 32;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &packet), EINVAL);
  packet.auth_src = packet.src = packet.dst = ending + PAGE - 32, packet.auth_len = 48;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &packet), EINVAL);
  packet.auth_len = 32;
  REQUIRE(ioctl(fd, CIOCAUTHCRYPT, &packet) == 0);
  REQUIRE(is_untouched(readable));

  /* If the struct cannot be written back, no session starts, and CIOCGSESSINFO returns the number of unwritten bytes. */
  struct session_op session = {.cipher = CRYPTO_AES_CBC, .keylen = 16, .key = key};
  REQUIRE(mprotect(writable, PAGE, PROT_READ | PROT_WRITE) == 0);
  memcpy(writable, &session, sizeof session);
  REQUIRE(mprotect(writable, PAGE, PROT_READ) == 0);
  REFUSED(ioctl(fd, CIOCGSESSION, writable), EFAULT);
  struct session_info_op info = {.ses = ses};
  REQUIRE(mprotect(writable, PAGE, PROT_READ | PROT_WRITE) == 0);
  memcpy(writable, &info, sizeof info);
  REQUIRE(mprotect(writable, PAGE, PROT_READ) == 0);
  REQUIRE(ioctl(fd, CIOCGSESSINFO, writable) == 268);
  return 0;
}
