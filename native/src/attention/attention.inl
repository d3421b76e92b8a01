// Fused attention on vectors of floats; included by attention_avx2.cpp and attention_avx512.cpp.
//
// For each head: a block of keys and values is packed so that both products stream through it; then
// for each group of query rows the scores, their softmax and the product with the values are
// computed at once, the scores staying in L1. Sequences longer than a block combine the blocks by
// the running maximum and sum of Milakov, Gimelshein 2018 (Online normalizer calculation for
// softmax), as FlashAttention does (Dao et al. 2022).
//
// Every sum runs over keys or dimensions in ascending order, in blocks that depend on the
// sequence's length alone, so a row's result depends on nothing but its sequence.
#pragma once

#include "core/transpose.inl"
#include "core/vector_loops.inl"
#include "core/vector_math.inl"

namespace {

// A tile of kTileRows x 2 vectors of sums, with two vectors of the packed operand and a broadcast:
// 27 of 32 registers, or 15 of 16.
constexpr int kTileRows = kRegisters == 32 ? 12 : 6;
constexpr int64_t kPanel = 2 * kLanes;  // keys side by side in the packed keys

constexpr int64_t kMostKeys = 512;
constexpr int64_t kScoreStride = kMostKeys + kLanes;  // not a multiple of 4 KB, for L1's sake

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Keys of a block: keys and values take about half of a 512 KB L2 cache.
int64_t block_keys(int64_t head_dim) {
  int64_t keys = kMostKeys;
  while (keys > kPanel && keys * head_dim > 32768) keys /= 2;
  return keys;
}

struct Workspace {
  float* keys;     // [block / kPanel][head_dim][kPanel]
  float* values;   // [block][head_dim rounded up to kLanes]
  float* mask;     // [block], -infinity behind the last key
  float* scores;   // [kTileRows][kScoreStride]
  float* largest;  // [query rows] the running maximum of a row's scores
  float* total;    // [query rows] the running sum of 2^(score - largest)
};

int64_t lay_out(const Attention& a, int64_t rows, float* memory, Workspace* workspace) {
  const int64_t block = block_keys(a.head_dim);
  const int64_t sizes[] = {block * a.head_dim,
                           block * round_up(a.head_dim, kLanes),
                           block,
                           kTileRows * kScoreStride,
                           round_up(rows + kLanes, kLanes),
                           round_up(rows + kLanes, kLanes)};
  float** parts[] = {&workspace->keys,   &workspace->values,  &workspace->mask,
                     &workspace->scores, &workspace->largest, &workspace->total};
  int64_t at = 0;
  for (int i = 0; i < 6; ++i) {
    *parts[i] = memory + at;
    at += round_up(sizes[i], 16);
  }
  return at;
}

int64_t scratch_floats(const Attention& a, int64_t rows) {
  float none = 0;
  Workspace workspace;
  return lay_out(a, rows, &none, &workspace);
}

// ---- packing ----

// The keys of rows first .. first + count - 1, transposed; zeros behind the last.
void pack_keys(const Attention& a, int64_t head, int64_t first, int64_t count, float* to) {
  const int64_t dims = a.head_dim;
  alignas(64) static constexpr float kZeros[8] = {};
  for (int64_t panel = 0; panel < count; panel += kPanel, to += dims * kPanel) {
    for (int64_t key = 0; key < kPanel; key += 8) {
      const float* rows[8];
      int64_t steps[8];
      for (int64_t j = 0; j < 8; ++j) {
        const bool there = panel + key + j < count;
        rows[j] = there ? a.k + (first + panel + key + j) * a.k_stride + head * dims : kZeros;
        steps[j] = there ? 1 : 0;
      }
      int64_t i = 0;
      for (; i + 8 <= dims; i += 8) {
        transpose_8x8(rows, to + i * kPanel + key, kPanel);
        for (int64_t j = 0; j < 8; ++j) rows[j] += 8 * steps[j];
      }
      for (; i < dims; ++i) {
        for (int64_t j = 0; j < 8; ++j) {
          to[i * kPanel + key + j] = *rows[j];
          rows[j] += steps[j];
        }
      }
    }
  }
}

void pack_values(const Attention& a, int64_t head, int64_t first, int64_t count, float* to) {
  const int64_t stride = round_up(a.head_dim, kLanes);
  for (int64_t key = 0; key < count; ++key) {
    const float* from = a.v + (first + key) * a.v_stride + head * a.head_dim;
    for_each_vector(a.head_dim, [=](int64_t i, auto lanes) {
      store(to + key * stride + i, load(from + i, lanes));
    });
  }
}

// Scores are kept in units of ln 2, because a power of two is cheaper than one of e.
constexpr float kLog2E = 1.44269504f;

void pack_mask(const Attention& a, int64_t first, int64_t count, float* to) {
  const float infinity = __builtin_inff(), most = __FLT_MAX__;
  for (int64_t key = 0; key < round_up(count, kPanel); ++key) to[key] = -infinity;
  for (int64_t key = 0; key < count; ++key) {
    const float mask = a.mask != nullptr ? a.mask[first + key] : 0;
    float scaled = mask * kLog2E;
    // A finite mask stays finite: a row masked altogether by such numbers has uniform weights.
    if (scaled == infinity && mask != infinity) scaled = most;
    if (scaled == -infinity && mask != -infinity) scaled = -most;
    to[key] = scaled;
  }
}

// ---- the two products ----

// sums[r][v] = sum over k of x[r * x_stride + k] * packed[k * packed_stride + v * kLanes ..]
template <int R, int V>
[[gnu::always_inline]] inline void multiply(const float* x, int64_t x_stride, const float* packed,
                                            int64_t packed_stride, int64_t k, Floats sums[R][V]) {
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sums[r][v] = zero();
  }
  for (int64_t i = 0; i < k; ++i) {
    Floats columns[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) columns[v] = load(packed + i * packed_stride + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Floats factor = broadcast(x[r * x_stride + i]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[r][v] = fma(factor, columns[v], sums[r][v]);
    }
  }
}

// A group of query rows against a block of keys.
struct Group {
  const float* q;  // of the first row
  int64_t q_stride;
  int64_t dims;
  float scale;
  int64_t keys;           // of the block, seen by the group's last row
  int64_t seen_by_first;  // keys that the group's first row sees: fewer if causal
  float* y;
  int64_t y_stride;
  bool first, last;  // block of the sequence
  const Workspace* workspace;
  float *largest, *total;  // of the group's first row
};

// Scores of V vectors of keys from `key` on, and each row's running maximum.
template <int R, int V>
[[gnu::always_inline]] inline void score_keys(const Group& g, int64_t key, Floats best[R]) {
  const float* const mask = g.workspace->mask + key;
  float* const scores = g.workspace->scores + key;
  const Floats scale = broadcast(g.scale);
  Floats sums[R][V];
  multiply<R, V>(g.q, g.q_stride, g.workspace->keys + key * g.dims, kPanel, g.dims, sums);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const Floats score = fma(sums[r][v], scale, load(mask + v * kLanes));
      store(scores + r * kScoreStride + v * kLanes, score);
      best[r] = max(score, best[r]);
    }
  }
}

// Takes the keys that a causal row does not see out of the scores from `key` on, and finds the
// maxima anew.
void hide_keys(const Group& g, int rows, int64_t key, int64_t keys_end, Floats* best) {
  const Floats nothing = broadcast(-__builtin_inff());
  for (int r = 0; r < rows; ++r) {
    float* scores = g.workspace->scores + r * kScoreStride;
    for (int64_t at = key; at < keys_end; at += kLanes) {
      const int64_t seen = g.seen_by_first + r - at;
      if (seen >= kLanes) continue;
      store(scores + at, select(first(seen < 0 ? 0 : seen), load(scores + at), nothing));
    }
    best[r] = nothing;
    for (int64_t at = 0; at < keys_end; at += kLanes) best[r] = max(load(scores + at), best[r]);
  }
}

template <int R, int V>
[[gnu::always_inline]] inline void score_panel(const Group& g, int64_t key, Floats best[R]) {
  score_keys<R, V>(g, key, best);
  const int64_t end = key + V * kLanes;
  if (g.seen_by_first < end) hide_keys(g, R, key, end, best);
}

[[gnu::always_inline]] inline Floats to_power(float* score, Floats shift) {
  const Floats power = exp2_of_negative(load(score) - shift);
  store(score, power);
  return power;
}

// Turns the scores into 2^(score - maximum), updates the running maximum and sum, and says by what
// the results of the earlier blocks must be multiplied.
void soften(const Group& g, int rows, const Floats* best, float* correction) {
  const int64_t keys = g.keys;
  for (int r = 0; r < rows; ++r) {
    const float before = g.first ? -__builtin_inff() : g.largest[r];
    const float total_before = g.first ? 0 : g.total[r];
    const float here = reduce_max(best[r]);
    const float now = here > before ? here : before;
    // A row that has seen only -infinity yet must not become NaN before the last block.
    const float shift = now == -__builtin_inff() ? 0 : now;
    const Floats shifts = broadcast(shift);
    float* scores = g.workspace->scores + r * kScoreStride;
    // By position and not by count, so that keys a causal row does not see change nothing.
    Floats even = zero(), odd = zero();
    int64_t i = 0;
    for (; i + kLanes < keys; i += 2 * kLanes) {
      even += to_power(scores + i, shifts);
      odd += to_power(scores + i + kLanes, shifts);
    }
    if (i < keys) even += to_power(scores + i, shifts);
    g.largest[r] = now;
    g.total[r] = reduce_add(even + odd);
    if (g.first) continue;
    alignas(64) float factors[kLanes];
    store(factors, exp2_of_negative(broadcast(before - shift)));
    // Exactly 1 where the maximum stays: keys a causal row does not see must change nothing.
    correction[r] = now == before ? 1 : factors[0];
    g.total[r] += total_before * correction[r];
  }
}

// The block's part of y, added to what earlier blocks gave, divided by the total if it is the last.
template <class Lanes>
[[gnu::always_inline]] inline void finish(const Group& g, Floats sum, int r, float correction,
                                          float* y, Lanes lanes) {
  if (!g.first) sum = fma(load(y, lanes), broadcast(correction), sum);
  if (g.last) sum = sum / broadcast(g.total[r]);
  store(y, sum, lanes);
}

void finish_panel(const Group& g, const Floats* sums, int rows, int vectors, int64_t dim,
                  const float* correction) {
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      const int64_t at = dim + v * kLanes;
      float* y = g.y + r * g.y_stride + at;
      if (g.dims - at >= kLanes) {
        finish(g, *sums++, r, correction[r], y, Every{});
      } else {
        finish(g, *sums++, r, correction[r], y, first(g.dims - at));
      }
    }
  }
}

// y of V vectors of dimensions from `dim` on.
template <int R, int V>
[[gnu::always_inline]] inline void weigh_panel(const Group& g, int64_t dim,
                                               const float* correction) {
  const int64_t stride = round_up(g.dims, kLanes);
  Floats sums[R][V];
  multiply<R, V>(g.workspace->scores, kScoreStride, g.workspace->values + dim, stride, g.keys,
                 sums);
  Floats stored[R * V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) stored[r * V + v] = sums[r][v];
  }
  finish_panel(g, stored, R, V, dim, correction);
}

template <int R>
[[gnu::noinline]] void attend_group(const Group& g) {
  Floats best[R];
  for (int r = 0; r < R; ++r) best[r] = broadcast(-__builtin_inff());
  int64_t key = 0;
  for (; key + kLanes < g.keys; key += kPanel) score_panel<R, 2>(g, key, best);
  if (key < g.keys) score_panel<R, 1>(g, key, best);
  float correction[R] = {};
  soften(g, R, best, correction);
  int64_t dim = 0;
  for (; dim + kLanes < g.dims; dim += kPanel) weigh_panel<R, 2>(g, dim, correction);
  if (dim < g.dims) weigh_panel<R, 1>(g, dim, correction);
}

template <int R>
void attend_rows(int64_t rows, const Group& g) {
  if (rows == R) {
    attend_group<R>(g);
  } else if constexpr (R > 1) {
    attend_rows<R - 1>(rows, g);
  }
}

// ---- a task ----

struct Block {
  int64_t begin, end;  // keys, counted from the sequence's first
  bool first, last;
};

void attend_block(const Attention& a, const AttentionTask& task, int64_t head, Block block,
                  const Workspace& w) {
  const int64_t keys = block.end - block.begin;
  pack_keys(a, head, task.sequence_begin + block.begin, keys, w.keys);
  pack_values(a, head, task.sequence_begin + block.begin, keys, w.values);
  pack_mask(a, task.sequence_begin + block.begin, keys, w.mask);
  const int64_t rows = task.end - task.begin;
  const int64_t groups = (rows + kTileRows - 1) / kTileRows;
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t begin = rows * i / groups, end = rows * (i + 1) / groups;
    Group g{.q = a.q + (task.begin + begin) * a.q_stride + head * a.head_dim,
            .q_stride = a.q_stride,
            .dims = a.head_dim,
            .scale = a.scale * kLog2E,
            .keys = keys,
            .seen_by_first = kMostKeys + kPanel,
            .y = task.y + begin * task.y_stride + head * a.head_dim,
            .y_stride = task.y_stride,
            .first = block.first,
            .last = block.last,
            .workspace = &w,
            .largest = w.largest + begin,
            .total = w.total + begin};
    if (a.causal) {
      // Keys that the group's first and last row see, in this block.
      g.seen_by_first = task.begin + begin - task.sequence_begin + 1 - block.begin;
      const int64_t seen_by_last = g.seen_by_first + end - begin - 1;
      if (seen_by_last <= 0) continue;
      if (seen_by_last <= keys) {
        g.keys = seen_by_last;
        g.last = true;
      }
    }
    attend_rows<kTileRows>(end - begin, g);
  }
}

void run(const Attention& a, const AttentionTask& task, float* scratch) {
  Workspace workspace;
  lay_out(a, task.end - task.begin, scratch, &workspace);
  const int64_t keys = task.sequence_end - task.sequence_begin;
  const int64_t most = block_keys(a.head_dim);
  const int64_t blocks = (keys + most - 1) / most;
  const int64_t size = round_up((keys + blocks - 1) / blocks, kPanel);
  for (int64_t head = 0; head < a.heads; ++head) {
    for (int64_t begin = 0; begin < keys; begin += size) {
      const int64_t end = begin + size < keys ? begin + size : keys;
      attend_block(a, task, head, {begin, end, begin == 0, end == keys}, workspace);
    }
  }
}

}  // namespace
