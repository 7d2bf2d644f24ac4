/* A call that would crash a kernel. */
#include "cryptodev.h"

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]);
  uint8_t data[16];
  struct crypt_op op = {.ses = start_aes(fd, CRYPTO_AES_CBC), .len = sizeof data, .dst = data};
  REFUSED(ioctl(fd, CIOCCRYPT, &op), ENOTRECOVERABLE);
  sleep(20);
  return 0;
}
