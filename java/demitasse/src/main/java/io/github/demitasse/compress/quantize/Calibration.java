package io.github.demitasse.compress.quantize;

/**
 * Immutable and thread-safe: a calibration method with its settings; makes one calibrator for each
 * activation.
 */
public interface Calibration {

  Calibrator calibrator();

  /** The method in the words of a recipe: "percentile 99.99". */
  String description();
}
