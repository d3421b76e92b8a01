package io.github.demitasse.graph;

/** Thread-safe: which convolutions are computed from UINT8 codes of their input. */
public final class CodedConvolutions {
  /** So many products of codes are summed exactly. */
  private static final long MOST_TAPS = 512;

  private static final long MOST_DEPTH = 65_536;
  private static final int CODES_AT_ONCE = 4;

  private CodedConvolutions() {}

  /**
   * True for depthwise convolutions, and for those of one group whose number of input channels is a
   * multiple of 4; not for images of three channels.
   *
   * @param shape of the kernel: [out, in / group, height, width]
   */
  public static boolean accepts(Node node, long[] shape) {
    long group = node.integer("group", 1);
    if (shape.length != 4) {
      return false;
    }
    return group == 1
        ? shape[1] % CODES_AT_ONCE == 0 && shape[1] * shape[2] * shape[3] <= MOST_DEPTH
        : group == shape[0] && shape[1] == 1 && shape[2] * shape[3] <= MOST_TAPS;
  }
}
