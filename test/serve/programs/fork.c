/* A forked process shares the open file, a killed one leaves nothing behind, and signals do not interrupt calls. */
#include "cryptodev.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile int ticks;
static void tick(int signal) { (void)signal, ticks += 1; }

static void encrypt(int fd, uint32_t ses, uint8_t *data, uint32_t size) {
  uint8_t iv[16] = {0};
  struct crypt_op op = {.ses = ses, .len = size, .src = data, .dst = data, .iv = iv};
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  static uint8_t data[65536];
  int fd = open_device(arguments[1]), status;
  uint32_t kept = start_aes(fd, CRYPTO_AES_CBC), ended = start_aes(fd, CRYPTO_AES_CBC);

  /* The child uses one session and ends the other: both belong to it as much as to the parent. */
  pid_t child = fork();
  if (child == 0) {
    encrypt(fd, kept, data, 64);
    REQUIRE(ioctl(fd, CIOCFSESSION, &ended) == 0);
    _exit(0);
  }
  REQUIRE(waitpid(child, &status, 0) == child && status == 0);
  encrypt(fd, kept, data, 64);
  struct session_info_op info = {.ses = ended};
  REFUSED(ioctl(fd, CIOCGSESSINFO, &info), EINVAL);

  /* Children that are killed during their calls. */
  for (int round = 0; round < 20; round += 1) {
    child = fork();
    if (child == 0)
      for (;;) encrypt(fd, kept, data, sizeof data);
    usleep(5000);
    REQUIRE(kill(child, SIGKILL) == 0);
    REQUIRE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  }
  encrypt(fd, kept, data, 64);

  /* Signals that do not restart calls. */
  struct sigaction action = {.sa_handler = tick};
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval often = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
  REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int round = 0; round < 500 || ticks < 50; round += 1) encrypt(fd, kept, data, 4096);
  return 0;
}
