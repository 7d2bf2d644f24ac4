/* Asynchronous operations: poll(2) waits for them, even if it was called before one was submitted. */
#include "cryptodev.h"
#include <poll.h>
#include <pthread.h>

static int fd;

static void *wait_for_result(void *events) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  REQUIRE(poll(&wait, 1, 20000) == 1);
  *(short *)events = wait.revents;
  return NULL;
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  fd = open(arguments[1], O_RDWR | O_NONBLOCK);
  REQUIRE(fd >= 0);
  uint8_t plaintext[64][32], ciphertext[64][32], iv[16];
  count_from(0, plaintext[0], sizeof plaintext);
  count_from(7, iv, sizeof iv);
  uint32_t ses = start_aes(fd, CRYPTO_AES_CBC);

  struct pollfd now = {.fd = fd, .events = POLLIN | POLLOUT};
  REQUIRE(poll(&now, 1, 0) == 1 && now.revents == POLLOUT);
  struct crypt_op fetched;
  REFUSED(ioctl(fd, CIOCASYNCFETCH, &fetched), EBUSY);

  pthread_t thread;
  short events = 0;
  REQUIRE(pthread_create(&thread, NULL, wait_for_result, &events) == 0);
  usleep(200000);
  struct crypt_op op = {.ses = ses, .len = 32, .src = plaintext[0], .dst = ciphertext[0], .iv = iv};
  REQUIRE(ioctl(fd, CIOCASYNCCRYPT, &op) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0 && events == POLLIN);
  show("first", ciphertext[0], 32);

  for (int index = 1; index < 64; index += 1) {
    op.src = plaintext[index], op.dst = ciphertext[index];
    REQUIRE(ioctl(fd, CIOCASYNCCRYPT, &op) == 0);
  }
  REFUSED(ioctl(fd, CIOCASYNCCRYPT, &op), EBUSY);
  REQUIRE(poll(&now, 1, 0) == 1 && now.revents == POLLIN);
  for (int index = 0; index < 64; index += 1) {
    REQUIRE(ioctl(fd, CIOCASYNCFETCH, &fetched) == 0);
    REQUIRE(fetched.dst == ciphertext[index]);
  }
  REQUIRE(poll(&now, 1, 0) == 1 && now.revents == POLLOUT);
  show("last", ciphertext[63], 32);
  return 0;
}
