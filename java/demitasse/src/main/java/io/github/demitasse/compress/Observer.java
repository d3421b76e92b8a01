package io.github.demitasse.compress;

/**
 * Confined to one thread: takes in the values of one activation, batch after batch, in constant
 * memory.
 */
public interface Observer {

  /** Takes in the elements of one batch; infinities and NaN are an error of the caller. */
  void observe(float[] values);
}
