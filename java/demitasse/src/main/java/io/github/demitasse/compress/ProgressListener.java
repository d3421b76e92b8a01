package io.github.demitasse.compress;

/** Called from one thread at a time: hears how far long work has come. */
@FunctionalInterface
public interface ProgressListener {
  /** Hears nothing. */
  ProgressListener NONE = (task, done, total) -> {};

  /**
   * @param task what is being done, in words for people: "calibrate", "quantize"
   * @param done units finished, from 0 to {@code total}
   * @param total units of the whole task, or -1 when not known
   */
  void progress(String task, long done, long total);
}
