package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.NormalFloat;

/**
 * Immutable: codes of 4 bits that look up one of 16 levels from -1 to 1; the step of a group is the
 * magnitude that 1 stands for.
 */
public final class Codebook implements Codes {
  /** Levels of integer arithmetic: multiples of the largest one's share. */
  private static final int INTEGER_STEPS = 127;

  private final float[] levels; // ascending
  private final float[] borders; // halfway between neighbours
  private final boolean isLearned;
  private final boolean hasIntegerLevels;

  private Codebook(float[] levels, boolean isLearned, boolean hasIntegerLevels) {
    this.levels = hasIntegerLevels ? rounded(levels) : levels;
    this.isLearned = isLearned;
    this.hasIntegerLevels = hasIntegerLevels;
    borders = new float[levels.length - 1];
    for (int i = 0; i < borders.length; i++) {
      borders[i] = (this.levels[i] + this.levels[i + 1]) / 2;
    }
  }

  /** The levels of NF4. */
  static Codebook normalFloat() {
    return new Codebook(NormalFloat.levels(), false, false);
  }

  /** Levels that are learned for each weight; until then those of NF4. */
  static Codebook learned() {
    return new Codebook(NormalFloat.levels(), true, false);
  }

  /**
   * The same for layers that compute in integers. The kernels round levels to 8 bits there; with
   * levels that are so already, codes are chosen for what will be computed.
   */
  Codebook withIntegerLevels() {
    return new Codebook(levels, isLearned, true);
  }

  /**
   * The same with other levels.
   *
   * @param newLevels 16, ascending, from -1 to 1
   */
  Codebook withLevels(float[] newLevels) {
    return new Codebook(newLevels, isLearned, hasIntegerLevels);
  }

  private static float[] rounded(float[] levels) {
    float largest = 0;
    for (float level : levels) {
      largest = Math.max(largest, Math.abs(level));
    }
    float step = largest / INTEGER_STEPS;
    float[] result = new float[levels.length];
    for (int i = 0; i < result.length && step > 0; i++) {
      result[i] = (float) Math.rint(levels[i] / step) * step;
    }
    return result;
  }

  /** True when levels are to be learned for each weight. */
  boolean isLearned() {
    return isLearned;
  }

  @Override
  public DataType type() {
    return DataType.UINT4;
  }

  @Override
  public DataType scales() {
    return DataType.FLOAT16;
  }

  @Override
  public boolean symmetric() {
    return true;
  }

  @Override
  public boolean mirrors() {
    return true;
  }

  @Override
  public double scaleFor(double magnitude) {
    return magnitude;
  }

  @Override
  public int round(float weight, float step, int zeroPoint) {
    float level = weight / step;
    int code = level > borders[7] ? 8 : 0;
    code += level > borders[code + 3] ? 4 : 0;
    code += level > borders[code + 1] ? 2 : 0;
    return code + (level > borders[code] ? 1 : 0);
  }

  @Override
  public float value(int code, float step, int zeroPoint) {
    return step * levels[code];
  }

  @Override
  public long bytes(long elements, long groups) {
    return type().bytes(elements)
        + scales().bytes(groups)
        + DataType.FLOAT32.bytes(CodebookWeight.ENTRIES);
  }

  @Override
  public CodebookWeight weight(
      Tensor codes, float[] steps, int[] zeroPoints, Granularity granularity) {
    return new CodebookWeight(
        codes,
        Tensor.of(levels, levels.length),
        Tensor.fromFloats(scales(), steps, steps.length),
        granularity);
  }
}
