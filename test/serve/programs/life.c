/* A session and its descriptor, from start to end. */
#include "cryptodev.h"

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]);
  uint32_t ses = start_aes(fd, CRYPTO_AES_CBC);

  struct session_info_op info = {.ses = ses};
  REQUIRE(ioctl(fd, CIOCGSESSINFO, &info) == 0);
  REQUIRE(strcmp(info.cipher_info.cra_name, "cbc(aes)") == 0);

  uint8_t plaintext[64], ciphertext[64], iv[16];
  count_from(100, plaintext, sizeof plaintext);
  count_from(200, iv, sizeof iv);
  /* Two calls; the second continues with the session's own iv. */
  struct crypt_op op = {.ses = ses, .len = 32, .src = plaintext, .dst = ciphertext, .iv = iv};
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
  op.src += 32, op.dst += 32, op.iv = NULL;
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
  show("ciphertext", ciphertext, sizeof ciphertext);

  /* In place. */
  struct crypt_op back = {.ses = ses, .op = COP_DECRYPT, .len = 64, .src = ciphertext, .dst = ciphertext, .iv = iv};
  REQUIRE(ioctl(fd, CIOCCRYPT, &back) == 0);
  REQUIRE(memcmp(ciphertext, plaintext, sizeof plaintext) == 0);

  op.len = 17;
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EINVAL);
  REFUSED(ioctl(fd, CIOCCRYPT, NULL), EFAULT);
  REFUSED(ioctl(fd, CIOCCRYPT, (void *)8), EFAULT);
  REFUSED(ioctl(fd, _IO('c', 108), NULL), EINVAL);
  REFUSED(read(fd, iv, 1), EINVAL);
  REFUSED(write(fd, iv, 1), EINVAL);
  /* A server cannot add a descriptor to its caller's process. */
  uint32_t clone = 0;
  REFUSED(ioctl(fd, CRIOGET, &clone), EOPNOTSUPP);

  /* Another open file does not have this session, and cannot end it. */
  int other = open_device(arguments[1]);
  REQUIRE(ioctl(other, CIOCFSESSION, &ses) == 0);
  REFUSED(ioctl(other, CIOCGSESSINFO, &info), EINVAL);
  REQUIRE(ioctl(fd, CIOCGSESSINFO, &info) == 0);
  REQUIRE(close(other) == 0);

  REQUIRE(ioctl(fd, CIOCFSESSION, &ses) == 0);
  REFUSED(ioctl(fd, CIOCGSESSINFO, &info), EINVAL);
  REQUIRE(close(fd) == 0);
  REFUSED(ioctl(fd, CIOCFSESSION, &ses), EBADF);
  return 0;
}
