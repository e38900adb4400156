/* An NCCL of ranks on one machine, threads or processes, that meet in shared memory. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SUCCESS = 0, SYSTEM_ERROR = 2, INVALID_ARGUMENT = 4, FLOAT32 = 7, SUM = 0, RANKS = 8, ROOM = 1 << 26 };
typedef struct { char name[128]; } Id;
typedef struct { atomic_int arrived, gone; float numbers[RANKS][ROOM / RANKS / 4]; } Shared;
typedef struct { int rank, size, meetings; Shared *shared; } Comm;

/* Who comes waits for all others. */
static void meet(Comm *comm) {
  comm->meetings++;
  atomic_fetch_add(&comm->shared->arrived, 1);
  while (atomic_load(&comm->shared->arrived) < comm->meetings * comm->size) usleep(50);
}

int ncclGetUniqueId(Id *id) {
  static atomic_int count;
  memset(id, 0, sizeof *id);
  snprintf(id->name, sizeof id->name, "/stand-in-nccl-%d-%d", getpid(), atomic_fetch_add(&count, 1));
  return SUCCESS;
}
int ncclCommInitRank(Comm **out, int size, Id id, int rank) {
  if (size < 1 || size > RANKS || rank < 0 || rank >= size) return INVALID_ARGUMENT;
  int file = shm_open(id.name, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared))) return SYSTEM_ERROR;
  Comm *comm = calloc(1, sizeof *comm);
  comm->rank = rank, comm->size = size;
  comm->shared = mmap(0, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  meet(comm);
  shm_unlink(id.name);
  *out = comm;
  return SUCCESS;
}
int ncclAllReduce(const float *from, float *to, size_t count, int type, int operation, Comm *comm, void *stream) {
  if (type != FLOAT32 || operation != SUM || !stream || count > ROOM / RANKS / 4) return INVALID_ARGUMENT;
  memcpy(comm->shared->numbers[comm->rank], from, sizeof *from * count);
  meet(comm);
  for (size_t i = 0; i < count; i++) {
    float sum = 0;
    for (int rank = 0; rank < comm->size; rank++) sum += comm->shared->numbers[rank][i];
    to[i] = sum;
  }
  meet(comm);
  return SUCCESS;
}
int ncclCommAbort(Comm *comm) {
  munmap(comm->shared, sizeof(Shared));
  free(comm);
  return SUCCESS;
}
