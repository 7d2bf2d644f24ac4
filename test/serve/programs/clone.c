/*
 * What a program does that clones the device, as OpenSSL's engine and wolfSSL do: opens it, clones the descriptor, closes the
 * first one, and uses the clone in children and threads.
 */
#include "cryptodev.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

static const char *path;
static volatile int ticks;
static void tick(int signal) { (void)signal, ticks += 1; }

static int clone_of(int fd) {
  int clone = -1;
  REQUIRE(ioctl(fd, CRIOGET, &clone) == 0);
  REQUIRE(clone >= 0);
  return clone;
}

static void encrypt(int fd, uint32_t ses) {
  uint8_t data[64] = {0}, iv[16] = {0};
  struct crypt_op op = {.ses = ses, .len = sizeof data, .src = data, .dst = data, .iv = iv};
  REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);
}

/** Every thread clones, and uses, the same open file. */
static void *in_thread(void *argument) {
  int fd = *(int *)argument;
  for (int round = 0; round < 20; round += 1) {
    int clone = clone_of(fd);
    uint32_t ses = start_aes(clone, CRYPTO_AES_CBC);
    encrypt(fd, ses);
    REQUIRE(ioctl(clone, CIOCFSESSION, &ses) == 0);
    REQUIRE(close(clone) == 0);
  }
  return NULL;
}

/** Ends with the main thread gone. */
static void *without_main_thread(void *argument) {
  usleep(50000);
  encrypt(clone_of(*(int *)argument), start_aes(*(int *)argument, CRYPTO_AES_CBC));
  _exit(0);
}

static void require_child(pid_t child) {
  int status;
  REQUIRE(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments) {
  REQUIRE(count >= 2);
  path = arguments[1];

  /* The descriptor to close on exec, the clone not. */
  int first = open_device(path);
  int fd = clone_of(first);
  REQUIRE(fd != first && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0);
  uint32_t ses = start_aes(first, CRYPTO_AES_CBC);
  /* The same open file: it has the session, and keeps it when the first descriptor is closed. */
  encrypt(fd, ses);
  REQUIRE(close(first) == 0);
  encrypt(fd, ses);

  /* Started by itself with this argument, it has the clone as an open descriptor. */
  if (count == 2) {
    pid_t child = fork();
    if (child == 0) {
      char number[12], session[12];
      snprintf(number, sizeof number, "%d", fd), snprintf(session, sizeof session, "%u", ses);
      execl("/proc/self/exe", "clone", path, number, session, (char *)NULL);
      _exit(1);
    }
    require_child(child);
  } else {
    int inherited = atoi(arguments[2]);
    encrypt(clone_of(inherited), (uint32_t)strtoul(arguments[3], NULL, 10));
    return 0;
  }

  /* Descriptors that are not this device: as without a filter. */
  int value = 7;
  REFUSED(ioctl(-1, CRIOGET, &value), EBADF);
  int null = open("/dev/null", O_RDWR);
  REFUSED(ioctl(null, CRIOGET, &value), ENOTTY);
  REQUIRE(value == 7);

  /* A number that cannot be written: no descriptor is left behind. */
  int before = dup(null);
  REQUIRE(close(before) == 0);
  REFUSED(ioctl(fd, CRIOGET, NULL), EFAULT);
  int *constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REFUSED(ioctl(fd, CRIOGET, constant), EFAULT);
  int after = dup(null);
  REQUIRE(after == before && close(after) == 0);

  /* No free descriptor: success, and the error in its place. */
  struct rlimit limit = {(rlim_t)after, (rlim_t)4096}, old;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &old) == 0);
  limit.rlim_max = old.rlim_max;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  int full = 0;
  REQUIRE(ioctl(fd, CRIOGET, &full) == 0 && full == -EMFILE);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &old) == 0);

  /* Children and their children. */
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) {
      encrypt(clone_of(fd), ses);
      _exit(0);
    }
    require_child(grandchild);
    _exit(0);
  }
  require_child(child);

  pthread_t threads[4];
  for (int index = 0; index < 4; index += 1) REQUIRE(pthread_create(&threads[index], NULL, in_thread, &fd) == 0);
  for (int index = 0; index < 4; index += 1) REQUIRE(pthread_join(threads[index], NULL) == 0);

  /* Signals do not interrupt it, and do not make it leave descriptors behind. */
  struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval often = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}}, never = {0};
  REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int round = 0; round < 200 || ticks < 50; round += 1) REQUIRE(close(clone_of(fd)) == 0);
  REQUIRE(setitimer(ITIMER_REAL, &never, NULL) == 0);
  after = dup(null);
  REQUIRE(after == before && close(after) == 0);

  /* Killed while it clones. */
  for (int round = 0; round < 10; round += 1) {
    child = fork();
    if (child == 0)
      for (;;) close(clone_of(fd));
    usleep(2000);
    int status;
    REQUIRE(kill(child, SIGKILL) == 0);
    REQUIRE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  }
  encrypt(clone_of(fd), ses);

  child = fork();
  if (child == 0) {
    pthread_t last;
    REQUIRE(pthread_create(&last, NULL, without_main_thread, &fd) == 0);
    pthread_exit(NULL);
  }
  require_child(child);
  printf("cloned yes\n");
  return 0;
}
