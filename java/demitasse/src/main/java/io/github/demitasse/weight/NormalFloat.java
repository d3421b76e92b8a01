package io.github.demitasse.weight;

/**
 * Thread-safe: the 16 levels of the 4-bit NormalFloat (NF4): quantiles of a normal distribution,
 * scaled so that the outermost are -1 and 1, with one that is 0 (Dettmers et al. 2023, "QLoRA:
 * Efficient Finetuning of Quantized LLMs", appendix E).
 */
public final class NormalFloat {
  private static final float[] LEVELS = {
    -1f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1f
  };

  /** What rounding a level to 8 bits changes at most. */
  private static final float TOLERANCE = 1 / 254f + 1e-6f;

  private NormalFloat() {}

  /** The levels by code, ascending. */
  public static float[] levels() {
    return LEVELS.clone();
  }

  /** True for these levels, exact or rounded to 8 bits. */
  static boolean isCodebook(float[] levels) {
    for (int i = 0; i < LEVELS.length; i++) {
      if (!(Math.abs(levels[i] - LEVELS[i]) <= TOLERANCE)) {
        return false;
      }
    }
    return true;
  }
}
