package io.github.demitasse.benchmarks.purejava;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Confined to one thread: all of a text encoder but its linear layers, with the Vector API. */
final class VectorRows {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  float[] lookup(float[] table, int features, long[] indices) {
    float[] y = new float[indices.length * features];
    for (int i = 0; i < indices.length; i++) {
      System.arraycopy(table, (int) indices[i] * features, y, i * features, features);
    }
    return y;
  }

  float[] add(float[] left, float[] right) {
    float[] y = new float[left.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = left[i] + right[i];
    }
    return y;
  }

  float[] layerNorm(float[] x, float[] gamma, float[] beta, float epsilon) {
    int features = gamma.length;
    float[] y = new float[x.length];
    for (int row = 0; row < x.length; row += features) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = 0; i < features; i += LANES) {
        sum = sum.add(FloatVector.fromArray(FLOATS, x, row + i));
      }
      float mean = sum.reduceLanes(VectorOperators.ADD) / features;
      FloatVector squares = FloatVector.zero(FLOATS);
      for (int i = 0; i < features; i += LANES) {
        FloatVector centered = FloatVector.fromArray(FLOATS, x, row + i).sub(mean);
        squares = centered.fma(centered, squares);
      }
      float variance = squares.reduceLanes(VectorOperators.ADD) / features;
      float inverse = (float) (1 / Math.sqrt(variance + epsilon));
      for (int i = 0; i < features; i += LANES) {
        FloatVector.fromArray(FLOATS, x, row + i)
            .sub(mean)
            .mul(inverse)
            .fma(FloatVector.fromArray(FLOATS, gamma, i), FloatVector.fromArray(FLOATS, beta, i))
            .intoArray(y, row + i);
      }
    }
    return y;
  }

  /** Abramowitz and Stegun 7.1.26: at most 1.5e-7 from the error function. */
  void gelu(float[] x) {
    for (int i = 0; i < x.length; i += LANES) {
      FloatVector value = FloatVector.fromArray(FLOATS, x, i);
      FloatVector z = value.mul(0.70710678f);
      FloatVector magnitude = z.abs();
      FloatVector t = FloatVector.broadcast(FLOATS, 1).div(magnitude.mul(0.3275911f).add(1));
      FloatVector polynomial =
          t.mul(1.061405429f)
              .sub(1.453152027f)
              .mul(t)
              .add(1.421413741f)
              .mul(t)
              .sub(0.284496736f)
              .mul(t)
              .add(0.254829592f)
              .mul(t);
      FloatVector erf =
          FloatVector.broadcast(FLOATS, 1)
              .sub(polynomial.mul(magnitude.mul(magnitude).neg().lanewise(VectorOperators.EXP)));
      FloatVector signed = erf.blend(erf.neg(), z.compare(VectorOperators.LT, 0));
      value.mul(0.5f).mul(signed.add(1)).intoArray(x, i);
    }
  }

  /** Scaled dot-product attention over one full sequence; qkv is [tokens][3][heads][size]. */
  float[] attention(float[] qkv, int tokens, int heads, float scale) {
    int features = qkv.length / tokens / 3;
    int size = features / heads;
    float[] y = new float[tokens * features];
    float[] keys = new float[size * tokens]; // [size][tokens]
    float[] scores = new float[tokens];
    for (int head = 0; head < heads; head++) {
      for (int token = 0; token < tokens; token++) {
        for (int i = 0; i < size; i++) {
          keys[i * tokens + token] = qkv[(token * 3 + 1) * features + head * size + i];
        }
      }
      for (int query = 0; query < tokens; query++) {
        int q = query * 3 * features + head * size;
        Arrays.fill(scores, 0);
        for (int i = 0; i < size; i++) {
          axpy(qkv[q + i] * scale, keys, i * tokens, scores, 0, tokens);
        }
        softmax(scores);
        int target = query * features + head * size;
        for (int token = 0; token < tokens; token++) {
          axpy(scores[token], qkv, (token * 3 + 2) * features + head * size, y, target, size);
        }
      }
    }
    return y;
  }

  private static void axpy(float a, float[] x, int from, float[] y, int to, int length) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector.fromArray(FLOATS, x, from + i)
          .fma(FloatVector.broadcast(FLOATS, a), FloatVector.fromArray(FLOATS, y, to + i))
          .intoArray(y, to + i);
    }
    for (; i < length; i++) {
      y[to + i] += a * x[from + i];
    }
  }

  private static void softmax(float[] scores) {
    float largest = Float.NEGATIVE_INFINITY;
    for (float score : scores) {
      largest = Math.max(largest, score);
    }
    float sum = 0;
    for (int i = 0; i < scores.length; i++) {
      scores[i] = (float) Math.exp(scores[i] - largest);
      sum += scores[i];
    }
    for (int i = 0; i < scores.length; i++) {
      scores[i] /= sum;
    }
  }
}
