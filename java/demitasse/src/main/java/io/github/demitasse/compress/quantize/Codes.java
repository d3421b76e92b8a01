package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.Weight;

/**
 * Immutable: the codes that weights become, and what they stand for: {@code step * (code -
 * zeroPoint)} or {@code step * level[code]}, with a step for each group.
 */
public sealed interface Codes permits CodeRange, Codebook {

  /** How codes are stored. */
  DataType type();

  /** How steps are stored: FLOAT32 or FLOAT16. */
  DataType scales();

  /** True without zero points. */
  boolean symmetric();

  /** True where codes reach farther to one side: a negative step chooses which. */
  boolean mirrors();

  /** The step, without a zero point, at which weights up to this magnitude are not clipped. */
  double scaleFor(double magnitude);

  /** The code nearest to a weight. */
  int round(float weight, float step, int zeroPoint);

  default int round(float weight, Scale scale) {
    return round(weight, scale.step(), scale.zeroPoint());
  }

  /** What a code stands for. */
  float value(int code, float step, int zeroPoint);

  /** What the code nearest to a weight stands for. */
  default float rounded(float weight, Scale scale) {
    return value(round(weight, scale), scale.step(), scale.zeroPoint());
  }

  /** Bytes of so many codes with so many steps. */
  long bytes(long elements, long groups);

  /**
   * The finished weight.
   *
   * @param codes of {@link #type}
   * @param steps by group
   * @param zeroPoints by group; all 0 where {@link #symmetric}
   */
  Weight weight(Tensor codes, float[] steps, int[] zeroPoints, Granularity granularity);
}
