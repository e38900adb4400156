/* A driver of two GPUs that are memory of the host.
 *
 * Memory has walls, looked at when it is freed; an event is ready when it is asked about for the third time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_READY = 600, GPUS = 2 };
static _Thread_local void *current;

typedef struct { uint64_t bytes; uint64_t wall; } Head;
static const uint64_t WALL = 0x5741c15eed5741c1;
static void broken(const char *what) { fprintf(stderr, "stand-in driver: %s\n", what); abort(); }
static void needs_context(void) { if (!current) broken("a call without a context"); }

static int allocate(uintptr_t *out, size_t bytes) {
  needs_context();
  if (bytes == 0) return 1;
  Head *head = malloc(sizeof *head + bytes + sizeof WALL);
  head->bytes = bytes;
  head->wall = WALL;
  memset(head + 1, 0x7f, bytes); /* memory that was not written holds NaN */
  memcpy((char *)(head + 1) + bytes, &WALL, sizeof WALL);
  *out = (uintptr_t)(head + 1);
  return SUCCESS;
}
static int release(uintptr_t at) {
  Head *head = (Head *)at - 1;
  if (head->wall != WALL || memcmp((char *)at + head->bytes, &WALL, sizeof WALL)) broken("a wall was written over");
  head->wall = 0;
  free(head);
  return SUCCESS;
}

int cuInit(unsigned flags) { return SUCCESS; }
int cuDeviceGetCount(int *count) { *count = GPUS; return SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal < GPUS ? SUCCESS : 101; }
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "stand-in %d", device); return SUCCESS; }
int cuDeviceGetUuid_v2(char *uuid, int device) { memset(uuid, 0x80 + device, 16); return SUCCESS; }
int cuDeviceGetUuid(char *uuid, int device) { return cuDeviceGetUuid_v2(uuid, device); }
/* 115: memory pools; 87: single to double precision, 2 for the first GPU and 64 for the second. */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 115 ? 1 : attribute == 87 ? (device ? 64 : 2) : 0;
  return SUCCESS;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)(uintptr_t)(device + 1); return SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int device) { return SUCCESS; }
int cuCtxSetCurrent(void *context) { current = context; return SUCCESS; }
int cuCtxGetCurrent(void **context) { *context = current; return SUCCESS; }
int cuCtxSynchronize(void) { needs_context(); return SUCCESS; }
int cuStreamCreate(void **stream, unsigned flags) { needs_context(); *stream = malloc(1); return SUCCESS; }
int cuStreamDestroy_v2(void *stream) { free(stream); return SUCCESS; }
int cuStreamSynchronize(void *stream) { needs_context(); return SUCCESS; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { return SUCCESS; }
int cuStreamIsCapturing(void *stream, int *status) { *status = 0; return SUCCESS; }
int cuEventCreate(int **event, unsigned flags) { needs_context(); *event = calloc(1, sizeof **event); return SUCCESS; }
int cuEventRecord(int *event, void *stream) { *event = 0; return SUCCESS; }
int cuEventQuery(int *event) { return ++*event < 3 ? NOT_READY : SUCCESS; }
int cuEventSynchronize(int *event) { return SUCCESS; }
int cuEventDestroy_v2(int *event) { free(event); return SUCCESS; }
int cuMemAllocAsync(uintptr_t *out, size_t bytes, void *stream) { return allocate(out, bytes); }
int cuMemAlloc_v2(uintptr_t *out, size_t bytes) { return allocate(out, bytes); }
int cuMemFreeAsync(uintptr_t at, void *stream) { return release(at); }
int cuMemFree_v2(uintptr_t at) { return release(at); }
int cuMemsetD8Async(uintptr_t at, unsigned char byte, size_t bytes, void *stream) { memset((void *)at, byte, bytes); return SUCCESS; }
int cuMemcpyHtoDAsync_v2(uintptr_t to, const void *from, size_t bytes, void *stream) { needs_context(); memcpy((void *)to, from, bytes); return SUCCESS; }
int cuMemcpyDtoHAsync_v2(void *to, uintptr_t from, size_t bytes, void *stream) { needs_context(); memcpy(to, (void *)from, bytes); return SUCCESS; }
