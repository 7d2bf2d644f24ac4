/* Long calls: others are answered meanwhile, those on the same file wait, and only SIGKILL ends them early. */
#include "cryptodev.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile int ticks;
static void tick(int signal) { (void)signal, ticks += 1; }

static int encrypt(int fd, uint32_t ses, uint8_t *data, uint32_t size, uint8_t *iv) {
  struct crypt_op op = {.ses = ses, .len = size, .src = data, .dst = data, .iv = iv};
  return ioctl(fd, CIOCCRYPT, &op);
}

/** Hashes memory that was never written, which has zeros in it, and does not take any. */
static int hash_zeros(int fd, uint32_t size) {
  uint8_t digest[20];
  uint8_t *zeros = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(zeros != MAP_FAILED);
  struct crypt_op op = {.ses = start_hash(fd, CRYPTO_SHA1), .len = size, .src = zeros, .mac = digest};
  int result = ioctl(fd, CIOCCRYPT, &op);
  if (result == 0) show("digest", digest, sizeof digest);
  return result;
}

#define LONG (16 << 20)
static uint8_t data[LONG];
static int shared_fd;
static uint32_t shared_session;
static volatile int begun;

static void *in_thread(void *argument) {
  uint8_t iv[16] = {0};
  (void)argument;
  begun = 1;
  REQUIRE(encrypt(shared_fd, shared_session, data, LONG, iv) == 0);
  return NULL;
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  int fd = open_device(arguments[1]), status;
  uint32_t ses = start_aes(fd, CRYPTO_AES_CBC);
  volatile int *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  /* Another process, with a device of its own: it is not done when we have made a hundred calls. */
  pid_t child = fork();
  if (child == 0) {
    int own = open_device(arguments[1]);
    REQUIRE(hash_zeros(own, 512 << 20) == 0);
    *done = 1;
    fflush(stdout);
    _exit(0);
  }
  uint8_t short_data[16] = {0}, iv[16] = {0};
  for (int round = 0; round < 100; round += 1) REQUIRE(encrypt(fd, ses, short_data, 16, iv) == 0);
  REQUIRE(!*done);
  REQUIRE(waitpid(child, &status, 0) == child && status == 0 && *done);

  /* The same file: the second call continues with the iv that the first one leaves, and a third ends the session after it. */
  shared_fd = fd, shared_session = start_aes(fd, CRYPTO_AES_CBC);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, in_thread, NULL) == 0);
  while (!begun) usleep(100);
  usleep(5000);
  uint8_t chained[16] = {0}, expected[16] = {0};
  REQUIRE(encrypt(fd, shared_session, chained, 16, NULL) == 0);
  REQUIRE(ioctl(fd, CIOCFSESSION, &shared_session) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  REQUIRE(encrypt(fd, ses, expected, 16, data + LONG - 16) == 0);
  REQUIRE(memcmp(chained, expected, 16) == 0);

  /* Signals do not interrupt a long call. */
  struct sigaction action = {.sa_handler = tick};
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval often = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}}, never = {0};
  REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
  REQUIRE(encrypt(fd, ses, data, LONG, iv) == 0);
  REQUIRE(setitimer(ITIMER_REAL, &never, NULL) == 0);
  REQUIRE(ticks > 0);

  /* SIGKILL does: this call would take half an hour. A call that waits for it ends too. */
  child = fork();
  if (child == 0) {
    int own = open_device(arguments[1]);
    uint8_t key[16] = {0};
    struct session_op session = {.cipher = CRYPTO_BLF_CBC, .keylen = sizeof key, .key = key};
    REQUIRE(ioctl(own, CIOCGSESSION, &session) == 0);
    uint8_t *memory = mmap(NULL, 2u << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    if (fork() == 0) {
      usleep(20000);
      hash_zeros(own, 16);
      _exit(1);
    }
    encrypt(own, session.ses, memory, 2u << 30, iv);
    _exit(1);
  }
  usleep(200000);
  REQUIRE(kill(child, SIGKILL) == 0);
  REQUIRE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  REQUIRE(encrypt(fd, ses, short_data, 16, iv) == 0);
  return 0;
}
