/*
 * The C side of the benchmarks: reads lines of `case size count`, performs that many operations, and prints for each line how
 * many nanoseconds one operation took. Cases: `call`, an ioctl on a pipe that does nothing in the kernel; `copied`, the same
 * with iv and data copied to other memory and back; `encrypt`, AES-128-CBC on the device at the given path; `session`, the
 * start and end of a session; `sessions-N`, N sessions in turn; `threads-N`, N threads with a device and a session each;
 * `ping`, a round trip to a server; `percentile-N`, what N of 100 operations of `encrypt` take at most; `large`, AES-128-CBC of
 * so many KiB, in place; `verify`, which prints a checksum of the result of `encrypt`.
 */
#define _GNU_SOURCE
#include "../../test/serve/programs/cryptodev.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>

enum { MOST = 1 << 20 };

static uint8_t source[MOST], destination[MOST], iv[16], key[16];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* What a session does for each operation: fills the struct, sends it, and checks the result. */
static __attribute__((noinline)) void encrypt(int fd, unsigned long request, struct crypt_op *op, uint32_t ses,
                                              uint8_t *src, uint8_t *dst, uint32_t size) {
  op->ses = ses, op->op = 0, op->flags = 0, op->len = size;
  op->src = src, op->dst = dst, op->mac = NULL, op->iv = iv;
  if (ioctl(fd, request, op) < 0) fail("ioctl");
}

/* The same through memory of its own, as the library does with small data. */
static __attribute__((noinline)) void encrypt_copied(int fd, struct crypt_op *op, uint8_t *src, uint8_t *dst, uint32_t size) {
  static uint8_t arena[MOST], own_iv[16];
  memcpy(own_iv, iv, sizeof iv);
  memcpy(arena, src, size);
  op->ses = 0, op->op = 0, op->flags = 0, op->len = size;
  op->src = op->dst = arena, op->mac = NULL, op->iv = own_iv;
  if (ioctl(fd, FIONREAD, op) < 0) fail("ioctl");
  memcpy(dst, arena, size);
}

static uint32_t start(int fd) {
  struct session_op session = {.cipher = CRYPTO_AES_CBC, .keylen = sizeof key, .key = key};
  if (ioctl(fd, CIOCGSESSION, &session) < 0) fail("CIOCGSESSION");
  return session.ses;
}

/* One thread of `threads-N`, which keeps its device, its session and its memory from one round to the next. */
struct worker {
  unsigned size, rounds;
  int fd;
  uint32_t ses;
  sem_t go;
};
static sem_t done;

static void *work(void *argument) {
  struct worker *worker = argument;
  struct crypt_op op = {0};
  uint8_t *memory = NULL;
  for (unsigned size = 0; sem_wait(&worker->go) == 0; sem_post(&done)) {
    if (size < worker->size) memory = realloc(memory, 2 * (size = worker->size));
    for (unsigned index = 0; index < worker->rounds; index += 1)
      encrypt(worker->fd, CIOCCRYPT, &op, worker->ses, memory, memory + size, worker->size);
  }
  return NULL;
}

static void work_at_once(const char *path, unsigned many, unsigned size, unsigned rounds) {
  static struct worker workers[64];
  static unsigned started;
  for (; started < many; started += 1) {
    struct worker *worker = &workers[started];
    pthread_t thread;
    worker->fd = open(path, O_RDWR);
    if (worker->fd < 0) fail(path);
    worker->ses = start(worker->fd);
    sem_init(&worker->go, 0, 0);
    if (pthread_create(&thread, NULL, work, worker) != 0) fail("pthread_create");
  }
  for (unsigned index = 0; index < many; index += 1) {
    workers[index].size = size, workers[index].rounds = rounds;
    sem_post(&workers[index].go);
  }
  for (unsigned index = 0; index < many; index += 1) sem_wait(&done);
}

static int by_value(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return (difference > 0) - (difference < 0);
}

/* Measures every call. */
static double percentile(unsigned percent, int fd, uint32_t ses, unsigned size, unsigned rounds) {
  struct crypt_op op = {0};
  double *took = malloc(rounds * sizeof *took);
  for (unsigned index = 0; index < rounds; index += 1) {
    double begin = now();
    encrypt(fd, CIOCCRYPT, &op, ses, source, destination, size);
    took[index] = now() - begin;
  }
  qsort(took, rounds, sizeof *took, by_value);
  double result = took[(rounds - 1) * percent / 100];
  free(took);
  return result;
}

static void encrypt_large(int fd, uint32_t ses, size_t size) {
  struct crypt_op op = {0};
  uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  encrypt(fd, CIOCCRYPT, &op, ses, memory, memory, size);
  munmap(memory, size);
}

static void *sleep_on(void *nothing) {
  for (;;) pause();
  return nothing;
}

int main(int count, char **arguments) {
  static uint32_t sessions[10000];
  unsigned open_sessions = 0, many;
  int pipes[2], fd = count > 1 ? open(arguments[1], O_RDWR) : -1;
  uint32_t ses = 0;
  pthread_t thread;
  /* System calls cost more in a process with threads, which may close files meanwhile; every runtime has some. */
  if (pthread_create(&thread, NULL, sleep_on, NULL) != 0) fail("pthread_create");
  if (pipe(pipes) < 0) fail("pipe");
  if (count > 1 && fd < 0) fail(arguments[1]);
  for (int index = 0; index < MOST; index += 1) source[index] = index * 7 + 3;
  for (int index = 0; index < 16; index += 1) key[index] = index * 7 + 5, iv[index] = index * 7 + 11;
  if (fd >= 0) ses = start(fd);

  char name[32];
  unsigned size, rounds;
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  while (scanf("%31s %u %u", name, &size, &rounds) == 3) {
    struct crypt_op op = {0};
    double begin = now();
    if (strcmp(name, "call") == 0) {
      for (unsigned index = 0; index < rounds; index += 1)
        encrypt(pipes[0], FIONREAD, &op, 0, source, destination, size);
    } else if (strcmp(name, "copied") == 0) {
      for (unsigned index = 0; index < rounds; index += 1) encrypt_copied(pipes[0], &op, source, destination, size);
    } else if (strcmp(name, "encrypt") == 0) {
      for (unsigned index = 0; index < rounds; index += 1) encrypt(fd, CIOCCRYPT, &op, ses, source, destination, size);
    } else if (strcmp(name, "ping") == 0) {
      /* An ioctl that the device does not have; the empty server returns 0 for it. */
      for (unsigned index = 0; index < rounds; index += 1) ioctl(fd, _IO('c', 108), NULL);
    } else if (sscanf(name, "sessions-%u", &many) == 1 && many <= sizeof sessions / sizeof *sessions) {
      while (open_sessions < many) sessions[open_sessions++] = start(fd);
      begin = now();
      for (unsigned index = 0; index < rounds; index += 1)
        encrypt(fd, CIOCCRYPT, &op, sessions[index % many], source, destination, size);
    } else if (sscanf(name, "threads-%u", &many) == 1 && many <= 64) {
      work_at_once(arguments[1], many, size, rounds);
      printf("%.3f\n", (now() - begin) / rounds / many);
      continue;
    } else if (sscanf(name, "percentile-%u", &many) == 1 && many <= 100) {
      printf("%.3f\n", percentile(many, fd, ses, size, rounds));
      continue;
    } else if (strcmp(name, "large") == 0) {
      for (unsigned index = 0; index < rounds; index += 1) encrypt_large(fd, ses, (size_t)size << 10);
    } else if (strcmp(name, "session") == 0) {
      for (unsigned index = 0; index < rounds; index += 1) {
        uint32_t one = start(fd);
        if (ioctl(fd, CIOCFSESSION, &one) < 0) fail("CIOCFSESSION");
      }
    } else if (strcmp(name, "verify") == 0) {
      encrypt(fd, CIOCCRYPT, &op, ses, source, destination, size);
      uint64_t sum = 0;
      for (unsigned index = 0; index < size; index += 1) sum = (sum * 31 + destination[index]) % 1000000007;
      printf("%llu\n", (unsigned long long)sum);
      continue;
    } else {
      printf("unknown\n");
      continue;
    }
    printf("%.3f\n", (now() - begin) / rounds);
  }
  return 0;
}
