/* A cuSOLVER on the host: cyclic rotations of Jacobi.
 *
 * It reads lower triangles alone, writes all the room it asked for, and reports matrices that hold NaN. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 3, VECTORS = 1, LOWER = 0, F64 = 1 };
typedef struct { void *stream; } Handle;

int cusolverGetVersion(int *version) { *version = 11701; return SUCCESS; }
int cusolverDnCreateParams(int **settings) { *settings = calloc(1, sizeof **settings); **settings = 78; return SUCCESS; }
int cusolverDnDestroyParams(int *settings) { free(settings); return SUCCESS; }
int cusolverDnSetAdvOptions(int *settings, int function, int algorithm) { return *settings == 78 ? SUCCESS : INVALID_VALUE; }
int cusolverDnCreate(Handle **handle) { *handle = calloc(1, sizeof **handle); return SUCCESS; }
int cusolverDnDestroy(Handle *handle) { free(handle); return SUCCESS; }
int cusolverDnSetStream(Handle *handle, void *stream) { handle->stream = stream; return SUCCESS; }
int cusolverDnCreateSyevjInfo(int **settings) { *settings = calloc(1, sizeof **settings); **settings = 77; return SUCCESS; }
int cusolverDnDestroySyevjInfo(int *settings) { free(settings); return SUCCESS; }

/* A, n x n, lower triangle, becomes its eigenvectors; w its values, nondecreasing. Not zero where it gave up. */
static int decompose(int n, double *a, double *w) {
  double *s = malloc(sizeof *s * n * n), *v = calloc((size_t)n * n, sizeof *v);
  int *order = malloc(sizeof *order * n), rotated = 1;
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++) s[i + j * n] = i >= j ? a[i + j * n] : a[j + i * n];
  for (int i = 0; i < n; i++) v[i + i * n] = 1, order[i] = i;
  for (int sweep = 0; sweep < 60 && rotated; sweep++) {
    rotated = 0;
    for (int p = 0; p < n; p++)
      for (int q = p + 1; q < n; q++) {
        double x = s[p + q * n];
        if (isnan(x)) { sweep = 60; rotated = 1; break; }
        if (fabs(x) <= 1e-18 * (fabs(s[p + p * n]) + fabs(s[q + q * n]))) continue;
        rotated = 1;
        double theta = (s[q + q * n] - s[p + p * n]) / (2 * x);
        double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), d = t * c;
        for (int k = 0; k < n; k++) {
          double f = s[k + p * n], g = s[k + q * n];
          s[k + p * n] = c * f - d * g, s[k + q * n] = d * f + c * g;
        }
        for (int k = 0; k < n; k++) {
          double f = s[p + k * n], g = s[q + k * n];
          s[p + k * n] = c * f - d * g, s[q + k * n] = d * f + c * g;
          f = v[k + p * n], g = v[k + q * n];
          v[k + p * n] = c * f - d * g, v[k + q * n] = d * f + c * g;
        }
        s[p + q * n] = s[q + p * n] = 0;
      }
  }
  for (int i = 1; i < n; i++)
    for (int j = i; j > 0 && s[order[j] + order[j] * n] < s[order[j - 1] + order[j - 1] * n]; j--) {
      int swap = order[j]; order[j] = order[j - 1], order[j - 1] = swap;
    }
  for (int j = 0; j < n; j++) {
    w[j] = s[order[j] + order[j] * n];
    memcpy(a + (size_t)j * n, v + (size_t)order[j] * n, sizeof *a * n);
  }
  int bad = rotated || isnan(w[0]);
  free(s), free(v), free(order);
  return bad;
}

static int fits(Handle *handle, int vectors, int triangle, int n, int lda) {
  return handle->stream && vectors == VECTORS && triangle == LOWER && n > 0 && lda == n;
}

int cusolverDnDsyevd_bufferSize(Handle *handle, int vectors, int triangle, int n, const double *a, int lda, const double *w, int *length) {
  *length = 3 * n + 1;
  return fits(handle, vectors, triangle, n, lda) ? SUCCESS : INVALID_VALUE;
}
int cusolverDnDsyevd(Handle *handle, int vectors, int triangle, int n, double *a, int lda, double *w, double *room, int length, int *state) {
  if (!fits(handle, vectors, triangle, n, lda) || length != 3 * n + 1) return INVALID_VALUE;
  memset(room, 1, sizeof *room * length);
  *state = decompose(n, a, w);
  return SUCCESS;
}
int cusolverDnDsyevjBatched_bufferSize(Handle *handle, int vectors, int triangle, int n, const double *a, int lda, const double *w, int *length, int *settings, int count) {
  *length = 2 * n * count;
  return fits(handle, vectors, triangle, n, lda) && *settings == 77 && count < 65536 ? SUCCESS : INVALID_VALUE;
}
int cusolverDnDsyevjBatched(Handle *handle, int vectors, int triangle, int n, double *a, int lda, double *w, double *room, int length, int *states, int *settings, int count) {
  if (!fits(handle, vectors, triangle, n, lda) || *settings != 77 || length != 2 * n * count) return INVALID_VALUE;
  memset(room, 1, sizeof *room * length);
  for (int i = 0; i < count; i++) states[i] = decompose(n, a + (size_t)i * n * n, w + (size_t)i * n);
  return SUCCESS;
}

static int fits_any(Handle *handle, int *settings, int vectors, int triangle, int64_t n, int a, int64_t lda, int w, int with) {
  return fits(handle, vectors, triangle, n, lda) && *settings == 78 && a == F64 && w == F64 && with == F64;
}
int cusolverDnXsyevBatched_bufferSize(Handle *handle, int *settings, int vectors, int triangle, int64_t n, int type_a, const void *a, int64_t lda, int type_w, const void *w, int type, size_t *bytes, size_t *bytes_of_host, int64_t count) {
  *bytes = 24 * n + 5, *bytes_of_host = 16 * n + 3;
  return fits_any(handle, settings, vectors, triangle, n, type_a, lda, type_w, type) && count < 65536 ? SUCCESS : INVALID_VALUE;
}
int cusolverDnXsyevBatched(Handle *handle, int *settings, int vectors, int triangle, int64_t n, int type_a, double *a, int64_t lda, int type_w, double *w, int type, void *room, size_t bytes, void *room_of_host, size_t bytes_of_host, int *states, int64_t count) {
  if (!fits_any(handle, settings, vectors, triangle, n, type_a, lda, type_w, type)) return INVALID_VALUE;
  if (bytes != 24 * n + 5 || bytes_of_host != 16 * n + 3) return INVALID_VALUE;
  memset(room, 1, bytes), memset(room_of_host, 1, bytes_of_host);
  for (int64_t i = 0; i < count; i++) states[i] = decompose(n, a + i * n * n, w + i * n);
  return SUCCESS;
}
