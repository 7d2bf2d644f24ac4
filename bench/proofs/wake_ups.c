/*
 * What it costs to wake a process that sleeps in read(2), as a client and a served device wake each other: on one
 * processor and on two. cc -O2 -o wake_ups wake_ups.c && ./wake_ups
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { COUNT = 20000 };

static void stay_on(int processor)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static double round_trip(int processor)
{
	int there[2], back[2];
	char byte = 0;
	struct timespec begin, end;

	if (pipe(there) != 0 || pipe(back) != 0)
		return -1;
	if (fork() == 0) {
		stay_on(processor);
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				break;
		_exit(0);
	}
	stay_on(0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < COUNT; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	return ((end.tv_sec - begin.tv_sec) * 1e6 + (end.tv_nsec - begin.tv_nsec) / 1e3) / COUNT;
}

int main(void)
{
	printf("%7.1f us  there and back on one processor\n", round_trip(0));
	printf("%7.1f us  there and back between two processors\n", round_trip(1));
	return 0;
}
