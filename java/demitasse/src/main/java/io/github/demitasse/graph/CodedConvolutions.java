package io.github.demitasse.graph;

/** Thread-safe: which convolutions are computed from UINT8 codes of their input. */
public final class CodedConvolutions {
  /** So many products of codes are summed exactly. */
  private static final long MOST_DEPTH = 65_536;

  private CodedConvolutions() {}

  /**
   * True for two-dimensional convolutions of any number of channels and groups, unless so many
   * products are added that the sum may not fit 32 bits.
   *
   * @param shape of the kernel: [out, in / group, height, width]
   */
  public static boolean accepts(long[] shape) {
    return shape.length == 4 && shape[1] * shape[2] * shape[3] <= MOST_DEPTH;
  }
}
