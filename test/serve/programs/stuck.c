/*
 * A client whose memory never arrives: a userfaultfd of its own reports each access to a page, and nobody fills it. After its call
 * it keeps the page, and so a thread of the server. With a second argument, a child keeps it too; if that is `hidden`, only the
 * child does.
 */
#include "cryptodev.h"
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(int count, char **arguments) {
  REQUIRE(count >= 2);
  int fd = open_device(arguments[1]);
  uint32_t ses = start_aes(fd, CRYPTO_AES_CBC);
  int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  if (faults < 0) {
    printf("no userfaultfd: %s\n", strerror(errno));
    return 0;
  }
  struct uffdio_api api = {.api = UFFD_API};
  REQUIRE(ioctl(faults, UFFDIO_API, &api) == 0);
  uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), data[64], iv[16] = {0};
  struct uffdio_register range = {.range = {(uintptr_t)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  REQUIRE(ioctl(faults, UFFDIO_REGISTER, &range) == 0);
  pid_t keeper = count > 2 ? fork() : -1;
  if (keeper == 0) {
    close(fd);
    pause();
    _exit(1);
  }
  if (count > 2 && strcmp(arguments[2], "hidden") == 0) close(faults);
  printf("calling %d\n", keeper);
  fflush(stdout);
  struct crypt_op op = {.ses = ses, .len = sizeof data, .src = page, .dst = data, .iv = iv};
  REFUSED(ioctl(fd, CIOCCRYPT, &op), EFAULT);
  printf("failed\n");
  fflush(stdout);
  pause();
  return 1;
}
