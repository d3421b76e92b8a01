package io.github.demitasse.compress.quantize;

/** Immutable: the interval of values that codes will represent. */
public record Range(float minimum, float maximum) {
  public Range {
    if (!(minimum <= maximum) || Float.isInfinite(minimum) || Float.isInfinite(maximum)) {
      throw new IllegalArgumentException("not a range: " + minimum + " .. " + maximum);
    }
  }

  /** The range widened to include zero, which padding and masks need to be exact. */
  public Range withZero() {
    return new Range(Math.min(minimum, 0), Math.max(maximum, 0));
  }

  /** Scale of 8-bit unsigned codes over this range; 1 for the empty range [0, 0]. */
  public float scale() {
    Range range = withZero();
    float scale = (float) (((double) range.maximum - range.minimum) / 255);
    return scale > 0 ? scale : 1;
  }

  /** The code of zero, 0 .. 255. */
  public int zeroPoint() {
    return (int) Math.max(0, Math.min(255, Math.rint(-withZero().minimum / scale())));
  }
}
