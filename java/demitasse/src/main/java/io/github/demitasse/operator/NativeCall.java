package io.github.demitasse.operator;

import java.util.List;

/**
 * Immutable: a call of a native operator.
 *
 * @param operator name in the native registry
 * @param inputs indices of the node's inputs to pass, in the native order; -1 passes an absent one
 * @param integers attributes
 * @param floats attributes
 * @param alias true when the first output is the first input under another shape and nothing need
 *     be computed
 */
public record NativeCall(
    String operator, List<Integer> inputs, long[] integers, double[] floats, boolean alias) {

  /** The operator with the node's first {@code inputs} inputs and these attributes. */
  public static NativeCall of(String operator, int inputs, long[] integers, double... floats) {
    Integer[] all = new Integer[inputs];
    for (int i = 0; i < inputs; i++) {
      all[i] = i;
    }
    return new NativeCall(operator, List.of(all), integers, floats, false);
  }

  /** The first output is the first input under another shape. */
  public static NativeCall reshape() {
    return new NativeCall("", List.of(0), new long[0], new double[0], true);
  }
}
