/* A hash in pieces, and a copy of the running hash that continues with other data. */
#include "cryptodev.h"

static void hash(int fd, uint32_t ses, uint16_t flags, const char *text, uint8_t *mac) {
  struct crypt_op op = {.ses = ses, .flags = flags, .len = strlen(text), .src = (uint8_t *)text, .mac = mac};
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]);
  uint32_t first = start_hash(fd, CRYPTO_SHA2_256), second = start_hash(fd, CRYPTO_SHA2_256);
  uint8_t mac[32];

  hash(fd, first, COP_FLAG_UPDATE | COP_FLAG_RESET, "abc", NULL);
  struct cphash_op copy = {.dst_ses = second, .src_ses = first};
  REQUIRE(ioctl(fd, CIOCCPHASH, &copy) == 0);
  hash(fd, first, COP_FLAG_FINAL, "def", mac);
  show("abcdef", mac, sizeof mac);
  hash(fd, second, COP_FLAG_FINAL, "xyz", mac);
  show("abcxyz", mac, sizeof mac);
  hash(fd, second, 0, "", mac);
  show("empty", mac, sizeof mac);

  copy.src_ses = second;
  REFUSED(ioctl(fd, CIOCCPHASH, &copy), EDEADLK);
  return 0;
}
