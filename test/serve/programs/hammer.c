/* Sends calls until it is killed or its time is over, and checks every result. Arguments: path, seconds, seed. */
#include "cryptodev.h"
#include <time.h>

int main(int count, char **arguments) {
  REQUIRE(count == 4);
  time_t end = time(NULL) + atoi(arguments[2]);
  unsigned seed = (unsigned)atoi(arguments[3]);
  /* Most calls are short; the server works on a long one in slices. */
  enum { SHORT = 8192, LONG = 1 << 21 };
  static uint8_t plaintext[LONG], ciphertext[LONG], back[LONG];
  unsigned long operations = 0;
  while (time(NULL) < end) {
    int fd = open_device(arguments[1]);
    for (int sessions = 0; sessions < 4; sessions += 1) {
      uint32_t ses = start_aes(fd, CRYPTO_AES_CBC), sha1 = start_hash(fd, CRYPTO_SHA1);
      for (int round = 0; round < 8; round += 1, operations += 3) {
        uint32_t most = rand_r(&seed) % 32 == 0 ? LONG : SHORT;
        uint32_t size = 16 * (1 + rand_r(&seed) % (most / 16));
        uint8_t iv[16], one[20], other[20];
        count_from((uint8_t)rand_r(&seed), plaintext, size);
        count_from((uint8_t)rand_r(&seed), iv, sizeof iv);
        struct crypt_op op = {.ses = ses, .len = size, .src = plaintext, .dst = ciphertext, .iv = iv};
        REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
        REQUIRE(memcmp(plaintext, ciphertext, size) != 0);
        op = (struct crypt_op){.ses = ses, .op = COP_DECRYPT, .len = size, .src = ciphertext, .dst = back, .iv = iv};
        REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
        REQUIRE(memcmp(plaintext, back, size) == 0);
        op = (struct crypt_op){.ses = sha1, .len = size, .src = plaintext, .mac = one};
        REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
        op = (struct crypt_op){.ses = sha1, .len = size, .src = back, .mac = other};
        REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
        REQUIRE(memcmp(one, other, sizeof one) == 0);
      }
      /* close(2) ends every other session. */
      if (sessions % 2 == 0) REQUIRE(ioctl(fd, CIOCFSESSION, &ses) == 0);
    }
    REQUIRE(close(fd) == 0);
  }
  printf("operations %lu\n", operations);
  return 0;
}
