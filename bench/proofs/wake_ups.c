/*
 * What it costs to wake a process that sleeps in read(2), as a client and a served device wake each other: on one
 * processor, on two, and where the kernel chooses while a third process computes. cc -O2 -o wake_ups wake_ups.c && ./wake_ups
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { COUNT = 20000, ANY = -1 };

static double took[COUNT];

static void stay_on(int processor)
{
	cpu_set_t set;
	if (processor == ANY)
		return;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int by_value(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;
	return (difference > 0) - (difference < 0);
}

/* Answers each byte from one pipe with a byte in the other. */
static void answer(int from, int to)
{
	char byte;
	while (read(from, &byte, 1) == 1)
		if (write(to, &byte, 1) != 1)
			break;
	_exit(0);
}

static void measure(const char *where, int processor, int other)
{
	int there[2], back[2];
	char byte = 0;

	if (pipe(there) != 0 || pipe(back) != 0)
		exit(1);
	if (fork() == 0) {
		close(there[1]);
		stay_on(other);
		answer(there[0], back[1]);
	}
	stay_on(processor);
	for (int i = 0; i < COUNT; i++) {
		double begin = now();
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			exit(1);
		took[i] = now() - begin;
	}
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	qsort(took, COUNT, sizeof *took, by_value);
	printf("%7.1f us there and back, 99 of 100 within %.1f times that  %s\n", took[COUNT / 2],
	       took[COUNT * 99 / 100] / took[COUNT / 2], where);
}

int main(void)
{
	pid_t busy;

	setvbuf(stdout, NULL, _IONBF, 0);
	measure("where the kernel chooses", ANY, ANY);
	busy = fork();
	if (busy == 0)
		for (;;)
			;
	measure("where the kernel chooses, while another process computes", ANY, ANY);
	kill(busy, SIGKILL);
	measure("on one processor", 0, 0);
	measure("between two processors", 0, 1);
	return 0;
}
