// ONNX's Attention and RotaryEmbedding in all their variants; the fast path for encoders is
// attention/attention.h.
#pragma once

#include "ops/registry.h"

namespace demitasse {

// inputs: q, k, v, mask, past keys, past values, number of valid keys of each batch. q, k, v are
// [batch, heads, length, size] or all [batch, length, heads * size]. outputs: y, present keys,
// present values, scores. integers: 1 for causal; heads of q, heads of k and v (for rank 3); which
// scores the last output holds: 0 scaled products, 1 after the soft cap, 2 after the mask, 3
// probabilities. floats: scale, soft cap (0: none).
void attention_operator(const OperatorCall& call);

// inputs: x, cosines, sines [positions or batch, ...], position ids or nothing. integers: 1 when
// pairs are neighbours; heads (0 for rank 4); how many features of a head are rotated (0: all). (Su
// et al. 2021)
void rotary_embedding(const OperatorCall& call);

}  // namespace demitasse
