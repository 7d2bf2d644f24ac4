/* AES-GCM with associated data: encryption, decryption, and a forgery. */
#include "cryptodev.h"

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]);
  uint8_t plaintext[100], sealed[116], opened[116], aad[20], iv[12];
  count_from(1, plaintext, sizeof plaintext);
  count_from(50, aad, sizeof aad);
  count_from(90, iv, sizeof iv);

  struct crypt_auth_op op = {
      .ses = start_aes(fd, CRYPTO_AES_GCM),
      .len = sizeof plaintext,
      .auth_len = sizeof aad,
      .auth_src = aad,
      .src = plaintext,
      .dst = sealed,
      .tag_len = 16,
      .iv = iv,
      .iv_len = sizeof iv,
  };
  struct crypt_auth_op open = op;
  REQUIRE(ioctl(fd, CIOCAUTHCRYPT, &op) == 0);
  REQUIRE(op.len == sizeof sealed && op.tag == sealed + sizeof plaintext && op.tag_len == 16);
  show("sealed", sealed, sizeof sealed);

  open.op = COP_DECRYPT, open.len = sizeof sealed, open.src = sealed, open.dst = opened;
  struct crypt_auth_op forged = open;
  REQUIRE(ioctl(fd, CIOCAUTHCRYPT, &open) == 0);
  REQUIRE(open.len == sizeof plaintext && memcmp(opened, plaintext, sizeof plaintext) == 0);
  aad[0] ^= 1;
  REFUSED(ioctl(fd, CIOCAUTHCRYPT, &forged), EBADMSG);
  return 0;
}
