package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.Observer;

/**
 * Confined to one thread: finds the range of an activation from samples of it, in constant memory.
 */
public interface Calibrator extends Observer {

  /**
   * The range for what was observed so far.
   *
   * @throws IllegalStateException if nothing was
   */
  Range range();
}
