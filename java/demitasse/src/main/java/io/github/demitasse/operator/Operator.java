package io.github.demitasse.operator;

/**
 * Immutable and thread-safe: what Demitasse knows of one operator: which versions it understands,
 * what comes out of it, and how the native library is asked for it. Adding an operator is adding
 * one of these to {@link Operators} and, where no native operator does it yet, one C++ function.
 */
public interface Operator {

  /** The operator's name, without its domain. */
  String name();

  /** "" for ONNX's own. */
  default String domain() {
    return "";
  }

  /** The oldest operator set version whose meaning is implemented. */
  default int sinceOpset() {
    return 1;
  }

  /**
   * Types, shapes and, where they follow from constants, the content of the outputs. Works with
   * symbolic dimensions; the runtime calls it again with known ones.
   *
   * @throws io.github.demitasse.UnsupportedOperatorException for a use that is valid ONNX but not
   *     implemented
   * @throws IllegalArgumentException for inputs that do not fit, naming shapes; {@link
   *     GraphInference} puts the node's name in front
   */
  void infer(InferenceContext context);

  /**
   * The native operator that computes the node for known shapes: its name, which of the node's
   * inputs it takes, and its attributes as the native registry wants them
   * (native/src/ops/README.md).
   */
  NativeCall lower(InferenceContext context);
}
