/* Several programs at once, with calls of all sizes: each gets what it gets alone, and sessions continue where they were. */
#include "cryptodev.h"
#include <pthread.h>

#define SIZE (3 << 19)
#define PIECE 4096
#define THREADS 4
#define ROUNDS 6

static const char *path;
static uint8_t plaintext[SIZE], ciphertext[SIZE], digest[20];
/* Sizes of calls: answered at once, in slices, and large enough for another thread of the server. */
static const uint32_t sizes[] = {1 << 18, 1 << 16, 48, 1 << 19, 32768, 4096, (1 << 18) + 16, 16};

/** Encrypts or decrypts in calls that continue each other. */
static void process(int fd, uint32_t ses, int decrypt, uint8_t *data, int first) {
  uint8_t iv[16];
  count_from(7, iv, sizeof iv);
  struct crypt_op op = {.ses = ses, .op = decrypt ? COP_DECRYPT : COP_ENCRYPT, .iv = iv};
  for (uint32_t done = 0, call = first; done < SIZE; done += op.len, call += 1) {
    uint32_t size = first < 0 ? PIECE : sizes[call % (sizeof sizes / sizeof *sizes)];
    op.len = size < SIZE - done ? size : SIZE - done;
    op.src = op.dst = data + done;
    REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
    op.iv = NULL;
  }
}

static void *in_thread(void *argument) {
  int number = (int)(intptr_t)argument, fd = open_device(path);
  uint32_t aes = start_aes(fd, CRYPTO_AES_CBC), sha1 = start_hash(fd, CRYPTO_SHA1);
  uint8_t *data = malloc(SIZE), hash[20];
  REQUIRE(data != NULL);
  for (int round = 0; round < ROUNDS; round += 1) {
    memcpy(data, plaintext, SIZE);
    process(fd, aes, 0, data, number + round);
    REQUIRE(memcmp(data, ciphertext, SIZE) == 0);
    process(fd, aes, 1, data, number + round + 3);
    REQUIRE(memcmp(data, plaintext, SIZE) == 0);
    struct crypt_op op = {.ses = sha1, .len = SIZE, .src = data, .mac = hash};
    REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
    REQUIRE(memcmp(hash, digest, sizeof hash) == 0);
  }
  free(data);
  close(fd);
  return NULL;
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  path = arguments[1];
  int fd = open_device(path);
  for (uint32_t index = 0; index < SIZE; index += 1) plaintext[index] = ciphertext[index] = (uint8_t)(index * 7 + index / 251);
  process(fd, start_aes(fd, CRYPTO_AES_CBC), 0, ciphertext, -1);
  struct crypt_op op = {.ses = start_hash(fd, CRYPTO_SHA1), .flags = COP_FLAG_UPDATE | COP_FLAG_RESET, .len = PIECE};
  for (uint32_t done = 0; done < SIZE; done += PIECE) {
    op.src = plaintext + done;
    REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
    op.flags = COP_FLAG_UPDATE;
  }
  op.flags = COP_FLAG_FINAL, op.len = 0, op.mac = digest;
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
  show("first", ciphertext, 16);
  show("digest", digest, sizeof digest);

  pthread_t threads[THREADS];
  for (intptr_t number = 0; number < THREADS; number += 1)
    REQUIRE(pthread_create(&threads[number], NULL, in_thread, (void *)number) == 0);
  for (int number = 0; number < THREADS; number += 1) REQUIRE(pthread_join(threads[number], NULL) == 0);
  return 0;
}
